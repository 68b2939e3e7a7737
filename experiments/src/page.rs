//! The page of one experiment, or of all: figures, table, settings and seeds in one file.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::catalogue::Experiment;
use crate::summary::Summary;

/// What a page shows of one experiment.
#[derive(Debug)]
pub(crate) struct Section<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) summaries: Vec<Summary<'a>>,
    /// Title and SVG text of each figure.
    pub(crate) figures: Vec<(&'static str, String)>,
}

/// What holds for the whole page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings<'a> {
    pub(crate) dataset: &'a str,
    pub(crate) train_images: usize,
    pub(crate) test_images: usize,
    pub(crate) trials: usize,
    pub(crate) epochs: usize,
}

const STYLE: &str = "body{font-family:sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;line-height:1.45}\
    table{border-collapse:collapse;font-size:.9rem;margin:1rem 0}\
    th,td{border-bottom:1px solid #bbb;padding:.3rem .6rem;text-align:left;vertical-align:top}\
    td.number,th.number{text-align:right;white-space:nowrap}svg{max-width:100%;height:auto}";

/// The whole page.
pub(crate) fn page(settings: Settings<'_>, sections: &[Section<'_>]) -> String {
    let title = match sections {
        [one] => one.experiment.title,
        _ => "Gaussian mixture layers: all experiments",
    };
    let markup = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) " on " (settings.dataset) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (title) }
                p {
                    "Data: " (settings.dataset) ", " (settings.train_images) " images to train on, "
                    (settings.test_images) " to test on. " (settings.trials)
                    " trials, with the seeds 0 to " (settings.trials.saturating_sub(1))
                    ": of the starting values and of the order of the images. Batches of 64. Asked for "
                    (settings.epochs) " epochs; gmlayer " (env!("CARGO_PKG_VERSION")) "."
                }
                @for section in sections { (self::section(section, sections.len() > 1)) }
            }
        }
    };
    markup.into_string()
}

fn section(section: &Section<'_>, headed: bool) -> Markup {
    html! {
        @if headed { h2 { (section.experiment.title) } }
        p { (section.experiment.question) }
        @for (title, svg) in &section.figures {
            figure role="img" aria-label=(title) { (PreEscaped(inline(svg))) }
        }
        (table(&section.summaries))
    }
}

fn table(summaries: &[Summary<'_>]) -> Markup {
    html! {
        table {
            tr {
                th { "run" }
                th.number { "test error, %" }
                th.number { "least – most" }
                th.number { "parameters" }
                th.number { "operations an image" }
                th.number { "epochs" }
                th { "layers" }
                th { "training" }
            }
            @for summary in summaries {
                @let error = summary.final_error();
                tr {
                    td { (summary.label) }
                    td.number { (format!("{:.2} ± {:.2}", error.mean, error.deviation)) }
                    td.number { (format!("{:.2} – {:.2}", error.least, error.most)) }
                    td.number { (summary.parameters) }
                    td.number { (summary.operations) }
                    td.number { (summary.run.epochs) }
                    td { (summary.run.layers_text()) }
                    td { (summary.run.optimizer_text()) }
                }
            }
        }
        p {
            "Test error: of each trial the mean over its last five epochs (SGD) or its last epoch (Adam); \
             then mean ± standard deviation over the trials. Bands and bars in the figures go from the least \
             to the largest value over the trials."
        }
    }
}

/// An SVG as part of a page: from its first element on.
fn inline(svg: &str) -> &str {
    svg.find("<svg").and_then(|start| svg.get(start..)).unwrap_or(svg)
}
