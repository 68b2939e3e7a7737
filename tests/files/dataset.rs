//! Samples, batches, and folders in the layout of MNIST.

use std::fs;
use std::path::{Path, PathBuf};

use gmlayer::Error;
use gmlayer::data::{DataError, Dataset, ElementType, Elements, Idx, IdxErrorKind, Samples};
use proptest::prelude::*;
use tempfile::{TempDir, tempdir};

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

fn write(path: impl AsRef<Path>, dimensions: &[usize], first: u8) {
    let count = dimensions.iter().product::<usize>();
    let values = (0..count).map(|index| first.wrapping_add(index as u8)).collect();
    Idx::new(dimensions.to_vec(), Elements::U8(values)).unwrap().write(path).unwrap();
}

/// Three images of 2 × 4 pixels to train on and two to test on, labelled 0 1 2 and 4 5.
fn small_folder(suffix: &str) -> TempDir {
    let folder = tempdir().unwrap();
    let cases: [(&[usize], u8); 4] = [(&[3, 2, 4], 0), (&[3], 0), (&[2, 2, 4], 100), (&[2], 4)];
    for (name, (dimensions, first)) in NAMES.into_iter().zip(cases) {
        write(folder.path().join(format!("{name}{suffix}")), dimensions, first);
    }
    folder
}

fn load_error(folder: &TempDir) -> DataError {
    let error = Dataset::load_folder(folder.path()).unwrap_err();
    assert!(error.to_string().starts_with(&folder.path().display().to_string()), "{error}");
    error
}

#[test]
fn folders_raw_and_gzipped() {
    for suffix in ["", ".gz"] {
        let folder = small_folder(suffix);
        let data = Dataset::load_folder(folder.path()).unwrap();
        assert_eq!(data.name, folder.path().file_name().unwrap().to_str().unwrap());
        assert_eq!((data.inputs, data.classes), (8, 6));
        assert_eq!((data.train.len(), data.test.len(), data.train.inputs()), (3, 2, 8));
        assert_eq!(data.train.images(), (0..24).collect::<Vec<u8>>());
        assert_eq!(data.test.images(), (100..116).collect::<Vec<u8>>());
        assert_eq!((data.train.labels(), data.test.labels()), (&[0, 1, 2][..], &[4, 5][..]));
    }
}

#[test]
fn the_samples_to_test_on_alone() {
    let folder = small_folder("");
    let whole = Dataset::load_folder(folder.path()).unwrap();
    for name in &NAMES[..2] {
        std::fs::remove_file(folder.path().join(name)).unwrap();
    }
    assert_eq!(Dataset::load_test(folder.path()).unwrap(), (whole.name, whole.test));
    std::fs::remove_file(folder.path().join(NAMES[3])).unwrap();
    let error = Dataset::load_test(folder.path()).unwrap_err();
    assert!(matches!(&error, DataError::Missing { file } if file.ends_with(NAMES[3])), "{error}");
    assert!(matches!(Dataset::load_test(folder.path().join("none")), Err(DataError::Folder { .. })));
}

#[test]
fn the_raw_file_wins() {
    let folder = small_folder("");
    write(folder.path().join(format!("{}.gz", NAMES[3])), &[2], 0);
    assert_eq!(Dataset::load_folder(folder.path()).unwrap().test.labels(), [4, 5]);
}

/// By all names that they may have, and no others.
#[test]
fn the_files_that_may_be_read() {
    let folder = small_folder("");
    let within = |files: Vec<PathBuf>| {
        let names = files.iter().map(|file| file.strip_prefix(folder.path()).unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    let files = || within(Dataset::folder_files(folder.path()));
    assert_eq!(files(), NAMES.map(PathBuf::from));
    for name in ["notes.idx", "train-images-idx3-ubyte.bak", "train-labels-idx3-ubyte", "t10k-labels.gz"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert_eq!(files(), NAMES.map(PathBuf::from));
    let inside = folder.path().join("t10k-images.idx3-ubyte");
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("t10k-images.idx3-ubyte.gz"), "").unwrap();
    fs::write(inside.join("t10k-labels-idx1-ubyte"), "").unwrap();
    fs::write(folder.path().join("train-labels.idx1-ubyte"), "").unwrap();
    let want = [
        NAMES[0],
        NAMES[1],
        "train-labels.idx1-ubyte",
        NAMES[2],
        "t10k-images.idx3-ubyte/t10k-images.idx3-ubyte.gz",
        NAMES[3],
    ];
    assert_eq!(files(), want.map(PathBuf::from));
    assert_eq!(Dataset::folder_files(folder.path().join("absent")), Vec::<PathBuf>::new());
    assert_eq!(Dataset::folder_files(folder.path().join(NAMES[0])), Vec::<PathBuf>::new());
}

#[test]
fn no_folder() {
    let folder = small_folder("");
    for path in [folder.path().join("absent"), folder.path().join(NAMES[0])] {
        let error = Dataset::load_folder(&path).unwrap_err();
        assert_eq!(error.to_string(), format!("{}: expected a folder, but this is none", path.display()));
        assert!(matches!(error, DataError::Folder { path: got } if got == path));
    }
}

#[test]
fn a_missing_file() {
    for name in NAMES {
        let folder = small_folder("");
        fs::remove_file(folder.path().join(name)).unwrap();
        let error = load_error(&folder);
        assert!(error.to_string().contains(name), "{error}");
        assert!(matches!(error, DataError::Missing { file } if file == folder.path().join(name)));
    }
}

#[test]
fn a_damaged_file() {
    for name in NAMES {
        let folder = small_folder("");
        let path = folder.path().join(name);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        let DataError::Idx(error) = load_error(&folder) else { panic!("{name}") };
        assert!(matches!(error.kind, IdxErrorKind::Missing { .. }), "{error}");
        assert!(error.file.ends_with(name), "{error}");
    }
}

#[test]
fn a_folder_in_place_of_a_file() {
    for name in NAMES {
        let folder = small_folder("");
        fs::remove_file(folder.path().join(name)).unwrap();
        fs::create_dir(folder.path().join(name)).unwrap();
        let error = load_error(&folder);
        assert!(error.to_string().ends_with("expected a file, but this is a folder"), "{error}");
        assert!(matches!(error, DataError::Idx(error) if matches!(error.kind, IdxErrorKind::Folder)));
    }
}

#[test]
fn wrong_element_type() {
    for name in NAMES {
        let folder = small_folder("");
        let path = folder.path().join(name);
        let (dimensions, elements) = Idx::read(&path).unwrap().into_parts();
        Idx::new(dimensions, Elements::F32(vec![0.0; elements.len()])).unwrap().write(&path).unwrap();
        let error = load_error(&folder);
        assert!(error.to_string().ends_with("expected elements of type u8, but got f32"), "{error}");
        let DataError::ElementType { file, got: ElementType::F32 } = error else { panic!("{error}") };
        assert_eq!(file, path);
    }
}

#[test]
fn wrong_number_of_dimensions() {
    for (name, right, wrong) in [
        (NAMES[0], 3, vec![3, 8]),
        (NAMES[1], 1, vec![3, 1]),
        (NAMES[2], 3, vec![16]),
        (NAMES[3], 1, vec![1, 2]),
    ] {
        let folder = small_folder("");
        write(folder.path().join(name), &wrong, 0);
        let error = load_error(&folder);
        let DataError::Dimensions { file, expected, got } = error else { panic!("{error}") };
        assert_eq!((file, expected, got), (folder.path().join(name), right, wrong.len()));
    }
}

#[test]
fn nothing_in_a_file() {
    for name in [NAMES[0], NAMES[2]] {
        for sizes in [[0, 2, 4], [3, 0, 4], [3, 2, 0]] {
            let folder = small_folder("");
            write(folder.path().join(name), &sizes, 0);
            let error = load_error(&folder);
            let DataError::Empty { file, dimensions } = error else { panic!("{error}") };
            assert_eq!((file, dimensions), (folder.path().join(name), sizes.to_vec()));
        }
    }
}

#[test]
fn different_numbers_of_images_and_labels() {
    for (name, right, wrong) in [(NAMES[1], 3, 4), (NAMES[1], 3, 0), (NAMES[3], 2, 1)] {
        let folder = small_folder("");
        write(folder.path().join(name), &[wrong], 0);
        let error = load_error(&folder);
        assert!(error.to_string().contains(&format!("{right} labels")), "{error}");
        let DataError::Count { file, expected, got } = error else { panic!("{error}") };
        assert_eq!((file, expected, got), (folder.path().join(name), right, wrong));
    }
}

#[test]
fn different_sizes_of_images() {
    let folder = small_folder("");
    write(folder.path().join(NAMES[2]), &[2, 4, 2], 0);
    let error = load_error(&folder);
    assert!(error.to_string().ends_with("images of 2 x 4 pixels as for training, but got 4 x 2"), "{error}");
    let DataError::ImageSize { file, expected, got } = error else { panic!("{error}") };
    assert_eq!((file, expected, got), (folder.path().join(NAMES[2]), [2, 4], [4, 2]));
}

#[test]
fn samples_that_cannot_be() {
    let samples = |pixels, labels, inputs| Samples::new(vec![0; pixels], vec![0; labels], inputs);
    assert_eq!(samples(0, 0, 3), Err(Error::Zero { argument: "labels" }));
    assert_eq!(samples(0, 2, 0), Err(Error::Zero { argument: "inputs" }));
    assert_eq!(samples(5, 2, 3), Err(Error::Length { argument: "images", expected: 6, got: 5 }));
    assert_eq!(samples(5, 2, usize::MAX), Err(Error::Overflow { argument: "images" }));
    let (train, test) = (samples(6, 2, 3).unwrap(), samples(4, 1, 4).unwrap());
    let error = Error::Length { argument: "test image", expected: 3, got: 4 };
    assert_eq!(Dataset::new("none", train, test), Err(error));
}

#[test]
fn batches_that_cannot_be() {
    let samples = Samples::new(vec![0; 6], vec![0; 2], 3).unwrap();
    let batch = |indices: &[usize], len| samples.batch(indices, &mut vec![0.0_f32; len]);
    let labels = |indices: &[usize], len| samples.batch_labels(indices, &mut vec![0; len]);
    assert_eq!(batch(&[], 0), Ok(()));
    assert_eq!(batch(&[0, 1], 5), Err(Error::Length { argument: "out", expected: 6, got: 5 }));
    assert_eq!(labels(&[0, 1], 3), Err(Error::Length { argument: "out", expected: 2, got: 3 }));
    // The third wraps to a valid place where the product is not checked.
    for index in [2, usize::MAX / 3, usize::MAX / 3 + 1, usize::MAX] {
        let error = Err(Error::Range { argument: "indices", largest: 1, got: index });
        assert_eq!(batch(&[0, index], 6), error);
        assert_eq!(labels(&[0, index], 2), error);
    }
}

/// Every byte becomes the nearest number to byte / 255 in either precision.
#[test]
fn pixels_are_rounded_once() {
    let samples = Samples::new((0..=255).collect(), vec![0], 256).unwrap();
    let (mut single, mut double) = ([0.0_f32; 256], [0.0_f64; 256]);
    samples.batch(&[0], &mut single).unwrap();
    samples.batch(&[0], &mut double).unwrap();
    for byte in 0..=255_u8 {
        assert_eq!(single[usize::from(byte)], f32::from(byte) / 255.0);
        assert_eq!(double[usize::from(byte)], f64::from(byte) / 255.0);
    }
}

proptest! {
    /// A batch is its rows, in the order of the indices, whichever they are.
    #[test]
    fn a_batch_is_its_rows(
        (inputs, pixels) in (1_usize..7).prop_flat_map(|inputs| {
            (Just(inputs), prop::collection::vec(any::<u8>(), 9 * inputs))
        }),
        indices in prop::collection::vec(0_usize..9, 0..20),
    ) {
        let labels: Vec<u8> = (10..19).collect();
        let samples = Samples::new(pixels.clone(), labels, inputs).unwrap();
        let mut images = vec![-1.0_f32; indices.len() * inputs];
        let mut labels = vec![0; indices.len()];
        samples.batch(&indices, &mut images).unwrap();
        samples.batch_labels(&indices, &mut labels).unwrap();
        for (position, &index) in indices.iter().enumerate() {
            prop_assert_eq!(labels[position], index + 10);
            for input in 0..inputs {
                let want = f32::from(pixels[index * inputs + input]) / 255.0;
                prop_assert_eq!(images[position * inputs + input], want);
            }
        }
    }
}

/// The real data, where they are: `GMLAYER_DATA` names the folder with `mnist` and `fashion-mnist`.
#[test]
fn real_data() {
    let Some(folder) = std::env::var_os("GMLAYER_DATA").map(PathBuf::from) else {
        eprintln!("SKIPPED: set GMLAYER_DATA to the folder with mnist/ and fashion-mnist/ to read real data");
        return;
    };
    for (name, mean) in [("mnist", 0.1307), ("fashion-mnist", 0.2860)] {
        let data = Dataset::load_folder(folder.join(name)).unwrap();
        assert_eq!(data.name, name);
        assert_eq!((data.train.len(), data.test.len()), (60_000, 10_000));
        assert_eq!((data.inputs, data.classes), (784, 10));
        let sum: u64 = data.train.images().iter().map(|&pixel| u64::from(pixel)).sum();
        let got = sum as f64 / 255.0 / data.train.images().len() as f64;
        println!("{name}: mean pixel {got:.6}");
        assert!((got - mean).abs() < 5e-5, "{name}: mean pixel {got}");
    }
}

/// Names as other programs unpack them.
#[test]
fn names_of_other_programs() {
    let want = Dataset::load_test(small_folder("").path()).unwrap().1;
    let folder = small_folder("");
    for name in NAMES {
        let dotted = name.replace("-idx", ".idx");
        fs::rename(folder.path().join(name), folder.path().join(dotted)).unwrap();
    }
    assert_eq!(Dataset::load_folder(folder.path()).unwrap().test, want);
    // A folder for each file, beside which another one may lie.
    for name in NAMES {
        let (dotted, own) = (name.replace("-idx", ".idx"), folder.path().join(name));
        fs::create_dir(&own).unwrap();
        fs::rename(
            folder.path().join(&dotted),
            own.join(if name.starts_with("train") { name } else { &dotted }),
        )
        .unwrap();
    }
    assert_eq!(Dataset::load_folder(folder.path()).unwrap().test, want);
    write(folder.path().join("t10k-labels.idx1-ubyte.gz"), &[2], 7);
    assert_eq!(Dataset::load_folder(folder.path()).unwrap().test.labels(), [7, 8], "a file before a folder");
}

/// Nobody writes to the pipe: reading it would never end.
#[cfg(unix)]
#[test]
fn a_pipe_is_refused_at_once() {
    for name in NAMES {
        let folder = small_folder("");
        fs::remove_file(folder.path().join(name)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join(name)).status().unwrap();
        assert!(made.success());
        assert!(matches!(load_error(&folder), DataError::Special { file } if file.ends_with(name)));
    }
}
