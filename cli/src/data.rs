//! The images that a command works on.

use gmlayer::data::{DIGITS_TEST, DIGITS_TRAIN, Dataset, Samples, digits};

use crate::arguments::DataArguments;
use crate::failure::Failure;
use crate::shown::shown;
use crate::source::Source;

/// The seed of the built-in digits: one data set for everybody, whatever the seed of the training.
const DIGITS_SEED: u64 = 0;

/// What loading the data takes, in words: it may be a second or more.
pub(crate) fn loading(arguments: &DataArguments) -> String {
    match &arguments.data {
        Some(folder) => format!("reading {}", shown(folder.display())),
        None => "drawing the built-in digits".to_owned(),
    }
}

/// Loads the data, and cuts them to the first images where asked.
pub(crate) fn load(
    arguments: &DataArguments,
    train_images: Option<usize>,
) -> Result<(Dataset, Source), Failure> {
    let (data, source) = load_whole(arguments, train_images)?;
    match arguments.side {
        Some(side) => Ok((data.shrunk(side).map_err(Failure::usage)?, source)),
        None => Ok((data, source)),
    }
}

/// The same with images as large as they come.
fn load_whole(arguments: &DataArguments, train_images: Option<usize>) -> Result<(Dataset, Source), Failure> {
    let test_images = arguments.test_images;
    let Some(folder) = &arguments.data else {
        let (train, test) = (train_images.unwrap_or(DIGITS_TRAIN), test_images.unwrap_or(DIGITS_TEST));
        let data = digits(DIGITS_SEED, train, test).map_err(Failure::other)?;
        let source = Source::built_in(&data.name);
        return Ok((data, source));
    };
    let mut data = Dataset::load_folder(folder).map_err(Failure::other)?;
    let source = Source::files(&data.name, Some(&data.train), &data.test, arguments.side.is_some());
    if let Some(count) = train_images {
        data.train = first(data.train, count, "--train-images")?;
    }
    if let Some(count) = test_images {
        data.test = first(data.test, count, "--test-images")?;
    }
    Ok((data, source))
}

/// Loads the images to test on alone, cut to the first ones where asked.
pub(crate) fn load_test(arguments: &DataArguments) -> Result<(Samples, Source), Failure> {
    let Some(folder) = &arguments.data else {
        let (data, source) = load(arguments, Some(1))?;
        return Ok((data.test, source));
    };
    let (name, mut test) = Dataset::load_test(folder).map_err(Failure::other)?;
    let source = Source::files(&name, None, &test, arguments.side.is_some());
    if let Some(count) = arguments.test_images {
        test = first(test, count, "--test-images")?;
    }
    if let Some(side) = arguments.side {
        test = test.shrunk(side).map_err(Failure::usage)?;
    }
    Ok((test, source))
}

/// The first `count` samples.
pub(crate) fn first(samples: Samples, count: usize, option: &str) -> Result<Samples, Failure> {
    let len = samples.len();
    samples
        .first(count)
        .map_err(|_| Failure::usage(format!("{option} is {count}, but there are {len} images")))
}
