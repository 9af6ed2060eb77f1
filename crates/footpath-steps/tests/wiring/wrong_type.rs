use footpath_steps::{BoxError, Context, Pipeline, Transformer};

#[derive(serde::Serialize)]
struct Mean;

impl Transformer for Mean {
    type Input = Vec<f64>;
    type Output = f64;
    const NAME: &'static str = "mean";
    const VERSION: u32 = 1;

    fn transform(&self, values: &Vec<f64>, _: &Context) -> Result<f64, BoxError> {
        Ok(values.iter().sum::<f64>() / values.len() as f64)
    }
}

fn main() {
    let p = Pipeline::new("wrong wire");
    let text = p.input::<String>("text");
    let mean = p.step("mean", Mean, &text);
}
