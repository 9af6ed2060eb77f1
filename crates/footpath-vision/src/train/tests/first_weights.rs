//! What a run starts from.

use super::*;

#[test]
fn a_pretrained_encoder_starts_with_unit_activations_if_told() {
    let mut setup = Setup::new(config(1), 6);
    setup.network = UnetConfig {
        encoder: Encoder::Vgg11,
        decoder_filters: 1,
        ..UnetConfig::default()
    };
    let mut file = StateDict::default();
    for (name, data) in StateDict::of(&Network::new(&setup.network, 5, &setup.device)) {
        let loud = |value: f32| value * 50.0;
        let values = data.try_to_vec::<f32>().unwrap().into_iter().map(loud);
        if name.starts_with("encoder.") {
            let shape = data.shape().as_slice().to_vec();
            file.insert(name, &shape, values.collect());
        }
    }
    let path = setup.folder.path().join("encoder.safetensors");
    std::fs::write(&path, file.to_safetensors("{}").unwrap()).unwrap();
    setup.network.pretrained = Some(path);

    let first_weights = |setup: &Setup| {
        let state = setup.training().start(&mut |_| {}).unwrap();
        StateDict::of(&state.network)
    };
    let weight = "encoder.0.weight";
    assert_eq!(first_weights(&setup).values(weight), file.values(weight));
    setup.network.unit_activations = true;
    let found = first_weights(&setup);
    let factor = found.values(weight)[0] / file.values(weight)[0];
    assert!(factor < 0.5, "{factor}");
    for (found, given) in found.values(weight).iter().zip(file.values(weight)) {
        assert!((found - given * factor).abs() <= 1e-5 * given.abs());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let alone = pool.unwrap().install(|| first_weights(&setup));
    assert_eq!(alone, found);
    // Whoever goes on with a run has the weights already.
    let run = |setup: &Setup| {
        let report = setup.training().run(|_| Ok(validation(0.5)), |_| {});
        assert_eq!(report.unwrap().outcome, Outcome::Completed);
    };
    run(&setup);
    setup.network.pretrained = None;
    setup.network.unit_activations = false;
    setup.config.epochs = 2;
    run(&setup);
}
