use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Filter {
    Filter::parse(text, Scope::Runs).unwrap()
}

fn fails(text: &str) -> String {
    let error = Filter::parse(text, Scope::Runs).unwrap_err();
    format!("{}: {}", error.position, error.problem)
}

fn metric(statistic: Statistic, key: &str, comparison: Comparison, number: f64) -> Filter {
    Filter::Is(
        Field::Metric(statistic, key.into()),
        Test::Number(comparison, number),
    )
}

#[test]
fn mlflows_grammar_is_read() {
    assert_eq!(parse("  "), Filter::default());
    assert_eq!(
        parse("metrics.rmse < 1 and params.`model type` = 'tree'"),
        Filter::All(vec![
            metric(Statistic::Last, "rmse", Comparison::Less, 1.0),
            Filter::Is(
                Field::Param("model type".into()),
                Test::Equals("tree".into())
            ),
        ])
    );
    assert_eq!(
        parse("tags.\"mlflow.parentRunId\" IS NOT NULL"),
        parse("tag.mlflow.parentRunId is not null")
    );
    assert_eq!(
        parse("run name ILIKE '%a_'"),
        Filter::Is(
            Field::Attribute(Attribute::Name),
            Test::Like(Pattern {
                text: "%a_".into(),
                case_sensitive: false
            })
        )
    );
    assert_eq!(
        parse("attributes.run_id NOT IN ('a', \"b\",)"),
        Filter::Is(
            Field::Attribute(Attribute::RunId),
            Test::NotIn(vec!["a".into(), "b".into()])
        )
    );
    assert_eq!(parse("Created > 5"), parse("attr.start_time > 5"));
    assert_eq!(
        parse("dataset.context = 'train'"),
        Filter::Is(
            Field::Dataset(DatasetField::Context),
            Test::Equals("train".into())
        )
    );
}

#[test]
fn numbers_of_parameters_are_read() {
    assert_eq!(
        parse("number(params.lr) >= .01"),
        Filter::Is(
            Field::ParamNumber("lr".into()),
            Test::Number(Comparison::GreaterOrEqual, 0.01),
        )
    );
    assert_eq!(
        parse("params.number = 'x'"),
        parse("param.`number` = \"x\"")
    );
    for wrong in [
        "number(metrics.a) > 1",
        "number(params.a) = 'x'",
        "number(params.a",
        "number > 1",
    ] {
        Filter::parse(wrong, Scope::Runs).unwrap_err();
    }
}

#[test]
fn or_not_brackets_and_statistics_are_read() {
    let a = || metric(Statistic::Best, "valid/ap", Comparison::GreaterOrEqual, 0.5);
    let b = || metric(Statistic::Min, "loss.total", Comparison::Less, -1e-3);
    let c = || {
        Filter::Is(
            Field::Param("lr".into()),
            Test::Number(Comparison::LessOrEqual, 0.01),
        )
    };
    assert_eq!(
        parse(
            "best(metrics.valid/ap) >= 0.5 OR min(metric.loss.total) < -1e-3 AND NOT (params.lr <= .01)"
        ),
        Filter::Any(vec![
            a(),
            Filter::All(vec![b(), Filter::Not(Box::new(c()))])
        ])
    );
    assert_eq!(parse("(params.lr <= 1e-2)"), c());
}

#[test]
fn errors_tell_what_would_be_right_and_where() {
    assert_eq!(
        fails("metrics.a > '1'"),
        "12: expected a number without quotes"
    );
    assert_eq!(fails("params.a = b"), "11: expected a text in quotes");
    assert_eq!(
        fails("params.a > '1'"),
        "9: `>` compares numbers: texts are compared by =, !=, LIKE, ILIKE and IN"
    );
    assert_eq!(fails("(metrics.a > 1"), "14: expected `)`");
    assert_eq!(
        fails("metrics.a > 1 metrics.b < 2"),
        "14: expected AND, OR or the end"
    );
    assert_eq!(
        fails("metrics.a LIKE 'x'"),
        "10: LIKE, ILIKE and IN compare texts, and this field is a number"
    );
    assert!(fails("tags.a = 'x' AND foo.b = 'y'").starts_with("17: `foo` is no kind of field"));
    assert!(
        fails("colour = 'red'")
            .starts_with("0: there is no attribute `colour`: the attributes are run_id, ")
    );
    assert!(fails(&format!("{}metrics.a > 1", "(".repeat(100))).contains("nest deeper than 64"));
    assert!(Filter::parse("metrics.a > 1", Scope::Experiments).is_err());
}

#[test]
fn orders_are_read() {
    let order = |text| OrderBy::parse(text, Scope::Runs);
    assert_eq!(
        order("best(metrics.ap) desc").unwrap(),
        OrderBy {
            field: Field::Metric(Statistic::Best, "ap".into()),
            descending: true
        }
    );
    assert_eq!(
        order("start_time").unwrap(),
        order("attributes.start_time ASC").unwrap()
    );
    assert_eq!(
        order("start_time up").unwrap_err().problem,
        "expected ASC, DESC or the end"
    );
}

proptest! {
    #[test]
    fn no_text_panics_and_places_are_in_the_text(
        text in "([a-z.() ,'\"`=<>!0-9eE+-]|metrics\\.|params\\.|tags\\.a|AND |OR |NOT |IN |LIKE |IS |NULL|best\\(|é|\\PC){0,24}"
    ) {
        for scope in [Scope::Runs, Scope::Experiments, Scope::ModelVersions] {
            if let Err(error) = Filter::parse(&text, scope) {
                prop_assert!(error.position <= text.chars().count());
            }
            if let Err(error) = OrderBy::parse(&text, scope) {
                prop_assert!(error.position <= text.chars().count());
            }
        }
    }

    #[test]
    fn any_key_and_text_can_be_said_in_quotes(key in "[^`\\\\]{1,20}", value in "[^'\\\\]{0,20}") {
        let text = format!("tags.`{key}` != '{value}'");
        prop_assert_eq!(parse(&text), Filter::Is(Field::Tag(key), Test::Differs(value)));
    }
}
