use super::*;

/// Written by `pytorch/schedules.py`.
const GOLDEN: &str = include_str!("../../pytorch/schedules.json");

#[derive(Deserialize)]
struct Golden {
    name: String,
    initial: f64,
    schedule: Schedule,
    warmup: Warmup,
    scores: Vec<f64>,
    rates: Vec<f64>,
}

fn at_epoch(schedule: &Schedule, initial: f64, scores: &[f64]) -> f64 {
    let clock = Clock {
        epoch: scores.len() as u64,
        steps_per_epoch: 10,
        epochs: 100,
        step: 0,
        scores,
    };
    schedule.learning_rate(initial, Unit::Epoch, &Warmup::default(), &clock)
}

#[test]
fn the_first_hundred_rates_are_pytorchs() {
    let golden: Vec<Golden> = serde_json::from_str(GOLDEN).unwrap();
    assert_eq!(golden.len(), 13);
    for case in golden {
        let name = &case.name;
        case.schedule.check().unwrap();
        assert_eq!(case.rates.len(), 100, "{name}");
        for (t, expected) in case.rates.iter().enumerate() {
            // An epoch of one batch, so that both units and the warm-up count alike.
            let clock = Clock {
                epoch: t as u64,
                steps_per_epoch: 1,
                epochs: 100,
                step: 0,
                scores: &case.scores[..t.min(case.scores.len())],
            };
            for unit in [Unit::Epoch, Unit::Batch] {
                let rate = case
                    .schedule
                    .learning_rate(case.initial, unit, &case.warmup, &clock);
                // PyTorch multiplies step by step where we have a closed form.
                assert!(
                    (rate - expected).abs() <= 1e-13 * case.initial.max(*expected),
                    "{name}, step {t}: {rate} instead of {expected}"
                );
            }
        }
    }
}

#[test]
fn plateau_waits_longer_than_its_patience() {
    let schedule = Schedule::Plateau {
        factor: 0.5,
        patience: 1,
    };
    let scores = [0.5, 0.6, 0.6, 0.600_01, 0.6, 0.6, 0.7];
    let rates: Vec<f64> = (0..=7)
        .map(|epochs| at_epoch(&schedule, 1.0, &scores[..epochs]))
        .collect();
    // Epochs 2 and 3 do not rise: halved after the second, counted anew; again after 4 and 5.
    assert_eq!(rates, [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.25, 0.25]);
}

#[test]
fn a_schedule_without_an_end_lasts_for_the_run() {
    let schedule = Schedule::Cosine {
        steps: None,
        floor: 0.0,
    };
    let clock = |epoch, step| Clock {
        epoch,
        steps_per_epoch: 10,
        epochs: 4,
        step,
        scores: &[],
    };
    let rate = |unit, clock| schedule.learning_rate(1.0, unit, &Warmup::default(), &clock);
    assert!((rate(Unit::Epoch, clock(2, 5)) - 0.5).abs() < 1e-12);
    assert!((rate(Unit::Batch, clock(2, 0)) - 0.5).abs() < 1e-12);
    let expected = 0.5 + 0.5 * (PI * 25.0 / 40.0).cos();
    assert!((rate(Unit::Batch, clock(2, 5)) - expected).abs() < 1e-12);
}

#[test]
fn warm_up_counts_steps_of_the_optimizer_across_epochs() {
    let warmup = Warmup {
        steps: 20,
        start: 0.5,
    };
    let clock = Clock {
        epoch: 1,
        steps_per_epoch: 8,
        epochs: 4,
        step: 2,
        scores: &[0.1],
    };
    let rate = Schedule::Constant.learning_rate(2.0, Unit::Epoch, &warmup, &clock);
    assert_eq!(rate, 2.0 * 0.75);
}

#[test]
fn senseless_settings_are_named() {
    let refused = |schedule: Schedule| schedule.check().unwrap_err().to_string();
    assert_eq!(
        refused(Schedule::Step {
            size: 0,
            gamma: 0.1
        }),
        "schedule.size is 0; expected at least 1"
    );
    assert_eq!(
        refused(Schedule::OneCycle {
            peak: 0.1,
            steps: None,
            rising: 1.0,
            start_divisor: 25.0,
            end_divisor: 1e4
        }),
        "schedule.rising is 1; expected between 0 and 1"
    );
    let warmup = Warmup {
        steps: 3,
        start: 0.0,
    };
    assert_eq!(
        warmup.check().unwrap_err().to_string(),
        "warmup.start is 0; expected above 0, at most 1"
    );
}
