//! What every store must do: each test gets a new, empty store.

pub(crate) mod artifacts;
pub(crate) mod experiments;
pub(crate) mod models;
pub(crate) mod runs;
pub(crate) mod search;
pub(crate) mod series;

use footpath_track::{Batch, ExperimentId, NewRun, Point, Points, RunId, Store};

/// Makes a test of each item of the suite: `$with` calls what it is given with a new store.
macro_rules! suite {
    ($with:expr) => {
        conformance::suite!(@each $with,
            experiments::names_are_unique_in_a_project,
            experiments::deletion_takes_the_runs_along_and_brings_them_back,
            experiments::searches_filter_order_and_page,
            runs::making_a_run_twice_is_making_it_once,
            runs::parameters_never_change,
            runs::a_batch_is_applied_whole_or_not_at_all,
            runs::batches_of_a_writer_are_applied_once,
            runs::states_ends_and_names_follow_the_rules,
            runs::inputs_outputs_steps_and_media_come_back,
            runs::bad_names_are_refused,
            series::statistics_follow_mlflows_rule,
            series::late_and_repeated_points_find_their_places,
            series::any_order_of_writing_reads_the_same,
            series::plots_show_every_spike,
            series::names_by_the_thousand_are_kept,
            series::what_is_told_again_after_a_step_back_is_kept_once,
            search::every_filter_means_what_the_plain_evaluator_says,
            search::orders_put_nan_and_absence_last,
            search::pages_give_each_run_once,
            search::best_follows_the_experiments_goal,
            search::shown_keys_alone_are_read_and_matches_are_counted,
            search::many_runs_at_once_are_what_each_is_alone,
            artifacts::contents_are_shared_and_counted,
            artifacts::folders_are_listed,
            artifacts::purging_a_run_frees_its_contents,
            artifacts::projects_tell_their_activity_and_size,
            models::logged_models_change_and_are_found,
            models::registered_models_have_versions_and_aliases,
            models::models_from_elsewhere_keep_their_numbers_and_times,
            models::documents_are_kept_by_key,
        );
    };
    (@each $with:expr, $($module:ident :: $name:ident,)*) => {
        $(#[test]
        fn $name() {
            ($with)(&|store| conformance::$module::$name(store));
        })*
    };
}
pub(crate) use suite;

/// A run of the experiment `Default` that began at 1,000 ms.
pub(crate) fn new_run(store: &dyn Store) -> RunId {
    store
        .create_run(&NewRun::new(ExperimentId::DEFAULT, 1000))
        .unwrap()
        .id
}

/// A batch of points of one metric, as (step, value) at time 10 × step.
pub(crate) fn metric(key: &str, points: &[(i64, f64)]) -> Batch {
    let points = points
        .iter()
        .map(|(step, value)| Point::new(*step, step * 10, *value))
        .collect();
    Batch {
        metrics: [(key.to_owned(), Points(points))].into(),
        ..Batch::default()
    }
}

/// A batch of parameters.
pub(crate) fn params(params: &[(&str, &str)]) -> Batch {
    Batch {
        params: params
            .iter()
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect(),
        ..Batch::default()
    }
}
