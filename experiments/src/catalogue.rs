//! What each experiment trains and draws. Runs of the same name in several experiments are trained once.

use crate::arguments::ExperimentName;

use crate::run::{DenseStart, LayerPlan, OptimizerPlan, Run};

/// One experiment: its runs, and the figures over them.
#[derive(Debug)]
pub(crate) struct Experiment {
    /// The name of its files.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What is asked, for the page.
    pub(crate) question: &'static str,
    pub(crate) runs: Vec<Entry>,
    pub(crate) figures: Vec<Figure>,
}

/// A run, and what the experiment calls it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) label: String,
    pub(crate) run: Run,
}

/// One figure; runs are named by their place in the experiment.
#[derive(Debug)]
pub(crate) struct Figure {
    /// The end of its file's name.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) runs: Vec<usize>,
    pub(crate) kind: FigureKind,
}

/// What a figure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FigureKind {
    /// Test error against the epoch, up to an epoch.
    Curves { epochs: usize },
    /// Final test error against the number of parameters.
    Parameters,
    /// Final test error against the operations of the whole training.
    Operations,
    /// Components or neurons on their way.
    Evolution,
}

/// The experiments that a name stands for, `epochs` long.
pub(crate) fn experiments(name: ExperimentName, epochs: usize) -> Vec<Experiment> {
    match name {
        ExperimentName::Components => vec![components(epochs)],
        ExperimentName::Dense => vec![dense(epochs)],
        ExperimentName::Evolution => vec![evolution(epochs)],
        ExperimentName::Lazy => vec![lazy(epochs)],
        ExperimentName::Stacked => vec![stacked(epochs)],
        ExperimentName::Covariance => vec![covariance(epochs)],
        ExperimentName::All => vec![
            components(epochs),
            dense(epochs),
            evolution(epochs),
            lazy(epochs),
            stacked(epochs),
            covariance(epochs),
        ],
    }
}

fn components(epochs: usize) -> Experiment {
    let runs =
        [5, 10, 20].map(|components| entry(&format!("K = {components}"), paper(components, 0.5, epochs)));
    Experiment {
        name: "components",
        title: "Number of components (the paper's Fig. 2)",
        question: "How does the test error of a single diagonal layer depend on the number of components K?",
        figures: vec![curves(
            "error",
            "Test error of a diagonal layer with K components",
            runs.len(),
            epochs,
        )],
        runs: runs.into(),
    }
}

fn dense(epochs: usize) -> Experiment {
    let runs = vec![
        entry("diagonal, K = 20", paper(20, 0.5, epochs)),
        entry("dense 1000, standard", dense_sgd("standard", DenseStart::Standard, epochs)),
        entry(
            "dense 1000, mean-field",
            dense_sgd("mean-field", DenseStart::MeanField { gamma: MEAN_FIELD }, epochs),
        ),
    ];
    Experiment {
        name: "dense",
        title: "Against dense layers (the paper's Fig. 3)",
        question: "How does a diagonal layer with K = 20 compare with a dense network of 1000 neurons?",
        figures: vec![curves(
            "error",
            "A diagonal layer and dense networks of width 1000",
            runs.len(),
            epochs,
        )],
        runs,
    }
}

fn evolution(epochs: usize) -> Experiment {
    let neurons = |name: &str, gamma| {
        let start = DenseStart::MeanField { gamma };
        Run { followed: true, ..dense_sgd(name, start, epochs) }
    };
    let runs = vec![
        entry("diagonal, K = 5, γ = 1/2", paper(5, 0.5, epochs)),
        entry("diagonal, K = 5, γ = 1/256", paper(5, SMALL_GAMMA, epochs)),
        entry("dense 1000, γ = 1/2", neurons("wide", 0.5)),
        entry("dense 1000, γ = 1/256", neurons("narrow", SMALL_GAMMA)),
    ];
    let title = "Components (ellipses) and neurons (dots) on the two main axes of the last epoch";
    Experiment {
        name: "evolution",
        title: "How components move (the paper's Fig. 4)",
        question: "Where do components and neurons go during training, from a wide and from a narrow start?",
        figures: vec![
            Figure { name: "paths", title, runs: vec![0, 1, 2, 3], kind: FigureKind::Evolution },
            curves("error", "Test error from a wide and from a narrow start", runs.len(), epochs),
        ],
        runs,
    }
}

fn lazy(epochs: usize) -> Experiment {
    let frozen = Run {
        name: "diagonal-20-frozen".to_owned(),
        frozen: vec!["mu".to_owned(), "sigma".to_owned()],
        ..paper(20, 0.5, epochs)
    };
    let runs = vec![entry("all updated", paper(20, 0.5, epochs)), entry("μ and σ frozen", frozen)];
    Experiment {
        name: "lazy",
        title: "With and without moving the Gaussians (the paper's Fig. 5)",
        question: "How much of the result comes from μ and σ, which move the Gaussians, and not from U and v?",
        figures: vec![curves(
            "error",
            "A diagonal layer with and without updates of μ and σ",
            runs.len(),
            epochs,
        )],
        runs,
    }
}

/// Two layers cost eight times as much as one: they take a third of the epochs.
fn stacked(epochs: usize) -> Experiment {
    let short = epochs.div_ceil(3);
    let diagonal =
        |outputs| LayerPlan::Diagonal { outputs, components: 20, gamma: 0.5, centred: false, sum: false };
    let two = Run {
        name: "diagonal-20-stacked".to_owned(),
        layers: vec![diagonal(100), diagonal(10)],
        followed: false,
        ..paper(20, 0.5, short)
    };
    let runs = vec![entry("one layer", paper(20, 0.5, epochs)), entry("two layers, 784-100-10", two)];
    Experiment {
        name: "stacked",
        title: "One and two layers (the paper's Fig. 7)",
        question: "Does a second diagonal layer help?",
        figures: vec![curves("error", "One and two diagonal layers", runs.len(), short)],
        runs,
    }
}

/// Diagonal and joint covariances, and dense networks with as many parameters, for half of the epochs. The settings
/// of the regularised runs were chosen on the last 10,000 training images, alike for joint layers and dense networks.
fn covariance(epochs: usize) -> Experiment {
    let short = epochs.div_ceil(2);
    let sgd = |centred: bool| {
        let coordinates = if centred { "centred" } else { "paper" };
        let run = Run {
            name: format!("sgd-diagonal-20-{coordinates}"),
            layers: vec![LayerPlan::Diagonal {
                outputs: 10,
                components: 20,
                gamma: 0.5,
                centred,
                sum: false,
            }],
            optimizer: OptimizerPlan::Sgd { rate: 1.0, sigma_rate: 10.0 },
            followed: false,
            ..paper(20, 0.5, short)
        };
        entry(&format!("SGD, diagonal, {coordinates}, K = 20"), run)
    };
    let adam = |centred: bool| {
        let coordinates = if centred { "centred" } else { "paper" };
        let run = Run {
            name: format!("adam-diagonal-20-{coordinates}"),
            layers: vec![LayerPlan::Diagonal {
                outputs: 10,
                components: 20,
                gamma: 0.05,
                centred,
                sum: true,
            }],
            optimizer: OptimizerPlan::Adam { rate: if centred { 0.01 } else { 0.004 } },
            followed: false,
            ..paper(20, 0.5, short)
        };
        entry(&format!("Adam, diagonal, {coordinates}, K = 20"), run)
    };
    let dense = |width: usize, rate: f64| {
        let run = Run {
            name: format!("adam-dense-{width}"),
            layers: vec![LayerPlan::Dense { outputs: 10, width, start: DenseStart::Standard }],
            optimizer: OptimizerPlan::Adam { rate },
            followed: false,
            ..paper(20, 0.5, short)
        };
        entry(&format!("Adam, dense {width}"), run)
    };
    let joint = |components: usize, rank: usize, rate: f64| {
        let run = Run {
            name: format!("adam-joint-{components}-{rank}"),
            layers: vec![LayerPlan::Joint { outputs: 10, components, rank, gamma: 0.03, output_gamma: 0.1 }],
            optimizer: OptimizerPlan::Adam { rate },
            followed: false,
            ..paper(20, 0.5, short)
        };
        entry(&format!("Adam, joint, K = {components}, R = {rank}"), run)
    };
    let smoothed = |Entry { label, run }: Entry| {
        let run = Run { name: format!("{}-smoothed", run.name), label_smoothing: 0.1, ..run };
        entry(&format!("{label}, smoothed"), run)
    };
    let dropped = |Entry { label, run }: Entry| {
        let run = Run { name: format!("{}-dropout", run.name), input_dropout: 0.2, ..run };
        entry(&format!("{label}, dropout"), run)
    };
    let diagonal = vec![sgd(false), sgd(true), adam(false), adam(true)];
    let ranks = [(20, 4), (20, 16), (20, 32), (34, 2), (80, 2), (50, 4)].map(|(k, r)| joint(k, r, 0.01));
    let widths = [100, 237, 1000].map(|width| dense(width, 0.003));
    let regularised = [
        smoothed(joint(20, 4, 0.005)),
        smoothed(joint(47, 4, 0.004)),
        smoothed(dense(100, 0.003)),
        smoothed(dense(237, 0.0015)),
        dropped(joint(20, 4, 0.005)),
        dropped(joint(47, 4, 0.004)),
        dropped(dense(100, 0.003)),
        dropped(dense(237, 0.003)),
    ];
    let runs: Vec<Entry> = diagonal.into_iter().chain(ranks).chain(widths).chain(regularised).collect();
    let all: Vec<usize> = (0..runs.len()).collect();
    let figure = |name, title, kind| Figure { name, title, runs: all.clone(), kind };
    let curves = |name, title, runs| Figure { name, title, runs, kind: FigureKind::Curves { epochs: short } };
    let runs_named = |names: &[&str]| -> Vec<usize> {
        let place = |name: &&str| runs.iter().position(|entry| entry.run.name == **name);
        names.iter().filter_map(place).collect()
    };
    let by_covariance = runs_named(&[
        "sgd-diagonal-20-paper",
        "sgd-diagonal-20-centred",
        "adam-diagonal-20-paper",
        "adam-diagonal-20-centred",
        "adam-joint-20-4",
        "adam-joint-20-16",
        "adam-dense-100",
        "adam-dense-237",
    ]);
    let at_equal_parameters = runs_named(&[
        "adam-joint-20-4",
        "adam-dense-100",
        "adam-joint-20-4-smoothed",
        "adam-dense-100-smoothed",
        "adam-joint-20-4-dropout",
        "adam-dense-100-dropout",
        "adam-joint-47-4-smoothed",
        "adam-dense-237-smoothed",
        "adam-joint-47-4-dropout",
        "adam-dense-237-dropout",
    ]);
    Experiment {
        name: "covariance",
        title: "Covariances beyond the paper",
        question: "Are the paper's errors those of a diagonal covariance, of its coordinates or of its optimiser?",
        figures: vec![
            curves("error", "Test error by covariance, coordinates and optimiser", by_covariance),
            curves("equal", "Joint layers and dense networks with as many parameters", at_equal_parameters),
            figure("parameters", "Final test error against the number of parameters", FigureKind::Parameters),
            figure("operations", "Final test error against the work of the training", FigureKind::Operations),
        ],
        runs,
    }
}

/// γ of the narrow start of Fig. 4.
const SMALL_GAMMA: f64 = 1.0 / 256.0;

/// γ of the mean-field start of Fig. 3.
const MEAN_FIELD: f64 = 0.05;

fn entry(label: &str, run: Run) -> Entry {
    Entry { label: label.to_owned(), run }
}

/// A diagonal layer in the paper's settings.
fn paper(components: usize, gamma: f64, epochs: usize) -> Run {
    let narrow = gamma < 0.1;
    Run {
        name: format!("diagonal-{components}{}", if narrow { "-narrow" } else { "" }),
        layers: vec![LayerPlan::Diagonal { outputs: 10, components, gamma, centred: false, sum: false }],
        optimizer: OptimizerPlan::Sgd { rate: 0.1, sigma_rate: 1.0 },
        frozen: Vec::new(),
        epochs,
        batch: 64,
        input_dropout: 0.0,
        label_smoothing: 0.0,
        followed: components == 5,
    }
}

/// A dense network of 1000 neurons with plain gradient descent.
fn dense_sgd(name: &str, start: DenseStart, epochs: usize) -> Run {
    Run {
        name: format!("dense-1000-{name}"),
        layers: vec![LayerPlan::Dense { outputs: 10, width: 1000, start }],
        followed: false,
        ..paper(20, 0.5, epochs)
    }
}

/// Curves of all of the first `runs` runs.
fn curves(name: &'static str, title: &'static str, runs: usize, epochs: usize) -> Figure {
    Figure { name, title, runs: (0..runs).collect(), kind: FigureKind::Curves { epochs } }
}
