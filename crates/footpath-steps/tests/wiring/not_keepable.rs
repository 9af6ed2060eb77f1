use footpath_steps::{Pipeline, Version};

struct Picture;

fn main() {
    let p = Pipeline::new("not keepable");
    let name = p.input::<String>("name");
    let picture = p.map("draw", Version(1), &name, |_| Picture).keep_output();
}
