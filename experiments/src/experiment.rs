//! Trains what an experiment needs, draws it, and writes its page.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use gmlayer::data::Dataset;
use gmlayer_cli::internal::{Failure, check_output, replace, stop_on_signal};

use crate::arguments::{Arguments, ExperimentName};
use crate::catalogue::{Experiment, experiments};
use crate::page::{Section, Settings};
use crate::run::Run;
use crate::summary::Summary;
use crate::trial::{Data, Task, Trial};
use crate::{figure, page, pool, table};

/// The images that a quick run trains on.
const QUICK_IMAGES: usize = 10_000;

/// Runs the experiment; what was finished before is not run again.
pub(crate) fn run(arguments: &Arguments) -> Result<(), Failure> {
    let (trials, epochs) = match arguments.quick {
        true => (arguments.trials.unwrap_or(1), arguments.epochs.unwrap_or(3)),
        false => (arguments.trials.unwrap_or(5), arguments.epochs.unwrap_or(30)),
    };
    let mut data = Dataset::load_folder(&arguments.data).map_err(Failure::other)?;
    if arguments.quick {
        let count = QUICK_IMAGES.min(data.train.len());
        data.train = data.train.first(count).map_err(Failure::other)?;
    }
    let threads = match arguments.threads {
        Some(threads) => threads,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let folder = arguments.out.join("trials");
    std::fs::create_dir_all(&folder)
        .map_err(|error| Failure::other(format!("cannot make the folder {}: {error}", folder.display())))?;

    let experiments = experiments(arguments.name, epochs);
    let marked = Data::of(&data);
    let settings = Settings {
        dataset: &data.name,
        train_images: marked.train_images,
        test_images: marked.test_images,
        trials,
        epochs,
    };
    let tasks = tasks(&experiments, &marked, trials, data.inputs);
    let inputs = Dataset::folder_files(&arguments.data);
    let page_path = page_path(arguments);
    let sections = experiments.iter().flat_map(|experiment| section_paths(experiment, &arguments.out));
    let trials = tasks.iter().map(|task| task.path(&folder));
    for path in trials.chain(sections).chain([page_path.clone()]) {
        check_output(&path, inputs.iter().map(PathBuf::as_path))?;
    }
    let signals = stop_on_signal()?;
    let Some(trials) = pool::run(&tasks, &data, &folder, threads, &signals.stop)? else {
        let way_on = "; the same command goes on from the last finished trial";
        return Err(signals
            .first()
            .map_or(Failure::Closed, |number| Failure::Interrupted(number, way_on.to_owned())));
    };
    let sections = experiments
        .iter()
        .map(|experiment| section(experiment, &trials, data.inputs))
        .collect::<Result<Vec<_>, Failure>>()?;
    for section in &sections {
        write_section(section, &arguments.out)?;
    }
    replace(&page_path, page::page(settings, &sections).as_bytes())?;
    writeln!(std::io::stdout(), "{}", page_path.display())?;
    Ok(())
}

/// The place of the page.
fn page_path(arguments: &Arguments) -> PathBuf {
    let name = arguments.name.to_possible_value();
    let name = match (arguments.name, &name) {
        (ExperimentName::All, _) | (_, None) => "index",
        (_, Some(name)) => name.get_name(),
    };
    arguments.out.join(name).with_extension("html")
}

/// Every trial of every run once: all first trials, then all second ones; the longest of each first, so that no
/// thread is left alone with one at the end.
fn tasks(experiments: &[Experiment], data: &Data, trials: usize, inputs: usize) -> Vec<Task> {
    let mut runs: Vec<&Run> = Vec::new();
    for entry in experiments.iter().flat_map(|experiment| &experiment.runs) {
        if !runs.contains(&&entry.run) {
            runs.push(&entry.run);
        }
    }
    runs.sort_by_key(|run| core::cmp::Reverse(run.operations(inputs) * run.epochs));
    let seeds = 0..trials as u64;
    seeds.flat_map(|seed| runs.iter().map(move |&run| Task::new(run, data, seed))).collect()
}

/// The summaries and figures of one experiment.
fn section<'a>(
    experiment: &'a Experiment,
    trials: &'a [Trial],
    inputs: usize,
) -> Result<Section<'a>, Failure> {
    let summaries: Vec<Summary<'a>> =
        experiment.runs.iter().map(|entry| Summary::of(entry, trials, inputs)).collect();
    let draw = |figure| figure::draw(figure, &summaries);
    let figures = experiment
        .figures
        .iter()
        .map(|figure| Ok((figure.title, draw(figure)?)))
        .collect::<Result<_, Failure>>()?;
    Ok(Section { experiment, summaries, figures })
}

/// The places of the CSV file of one experiment and of its SVG files.
fn section_paths(experiment: &Experiment, out: &Path) -> Vec<PathBuf> {
    let name = experiment.name;
    let figures = experiment.figures.iter().map(|figure| out.join(format!("{name}-{}.svg", figure.name)));
    [out.join(name).with_extension("csv")].into_iter().chain(figures).collect()
}

/// Writes these files.
fn write_section(section: &Section<'_>, out: &Path) -> Result<(), Failure> {
    let csv = table::csv(&section.summaries)?;
    let svgs = section.figures.iter().map(|(_, svg)| svg.as_bytes());
    for (path, bytes) in section_paths(section.experiment, out).iter().zip([&csv[..]].into_iter().chain(svgs))
    {
        replace(path, bytes)?;
    }
    Ok(())
}
