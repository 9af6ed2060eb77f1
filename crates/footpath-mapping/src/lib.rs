//! Building footprints from aerial images: data sets, targets, pipelines, evaluation, synthetic scenes.
