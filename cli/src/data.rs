//! The images that a command works on.

use gmlayer::data::{DIGITS_TEST, DIGITS_TRAIN, Dataset, Samples, digits};

use crate::arguments::DataArguments;
use crate::failure::Failure;

/// The seed of the built-in digits: one data set for everybody, whatever the seed of the training.
const DIGITS_SEED: u64 = 0;

/// Loads the data, and cuts them to the first images where asked.
pub(crate) fn load(arguments: &DataArguments, train_images: Option<usize>) -> Result<Dataset, Failure> {
    let data = load_whole(arguments, train_images)?;
    match arguments.side {
        Some(side) => data.shrunk(side).map_err(Failure::usage),
        None => Ok(data),
    }
}

/// The same with images as large as they come.
fn load_whole(arguments: &DataArguments, train_images: Option<usize>) -> Result<Dataset, Failure> {
    let test_images = arguments.test_images;
    let Some(folder) = &arguments.data else {
        let (train, test) = (train_images.unwrap_or(DIGITS_TRAIN), test_images.unwrap_or(DIGITS_TEST));
        return digits(DIGITS_SEED, train, test).map_err(Failure::other);
    };
    let mut data = Dataset::load_folder(folder).map_err(Failure::other)?;
    if let Some(count) = train_images {
        data.train = first(data.train, count, "--train-images")?;
    }
    if let Some(count) = test_images {
        data.test = first(data.test, count, "--test-images")?;
    }
    Ok(data)
}

/// Loads the images to test on alone, cut to the first ones where asked, and the name of the data set.
pub(crate) fn load_test(arguments: &DataArguments) -> Result<(String, Samples), Failure> {
    let Some(folder) = &arguments.data else {
        let data = load(arguments, Some(1))?;
        return Ok((data.name, data.test));
    };
    let (name, mut test) = Dataset::load_test(folder).map_err(Failure::other)?;
    if let Some(count) = arguments.test_images {
        test = first(test, count, "--test-images")?;
    }
    if let Some(side) = arguments.side {
        test = test.shrunk(side).map_err(Failure::usage)?;
    }
    Ok((name, test))
}

/// The first `count` samples.
pub(crate) fn first(samples: Samples, count: usize, option: &str) -> Result<Samples, Failure> {
    let len = samples.len();
    samples
        .first(count)
        .map_err(|_| Failure::usage(format!("{option} is {count}, but there are {len} images")))
}
