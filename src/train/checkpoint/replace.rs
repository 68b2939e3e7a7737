//! Files that are replaced as a whole.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Crc;

/// Symbolic links that are followed at most, as by Linux.
const LINKS: usize = 40;

/// How often another process may remove a new file before it is locked.
const TRIES: usize = 100;

/// Puts `bytes` at `path`, whole or not at all.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let target = Target::of(path)?;
    let mut partial = target.partial()?;
    target.dress(&partial.file)?;
    partial.file.write_all(bytes)?;
    partial.file.sync_all()?;
    fs::rename(&partial.place, &target.path)?;
    partial.renamed = true;
    // The new name is on the disk only once its folder is; not every system lets a folder be flushed.
    if let Ok(folder) = File::open(target.folder()) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Finds out whether [`replace`] could write to `path`, and removes the file that a killed process has left.
pub(super) fn check_target(path: &Path) -> io::Result<()> {
    let target = Target::of(path)?;
    let partial = target.partial()?;
    target.check_owner(&partial.file)?;
    target.check_mount()
}

/// The file that a path stands for, its links followed.
struct Target {
    path: PathBuf,
    /// Of the file that is there.
    old: Option<Metadata>,
}

impl Target {
    /// An ordinary file that may be written, or none yet.
    fn of(path: &Path) -> io::Result<Self> {
        let path = followed(path)?;
        let old = match fs::metadata(&path) {
            Ok(old) => Some(old),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        if let Some(old) = &old {
            if old.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if !old.is_file() {
                return Err(io::Error::other("it is not an ordinary file"));
            }
            if old.permissions().readonly() {
                return Err(io::Error::other("it is read-only"));
            }
            OpenOptions::new().write(true).open(&path)?;
        }
        Ok(Self { path, old })
    }

    fn folder(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// A name beside the file that is this file's alone, and short however long the file's is.
    fn beside(&self, ending: &str) -> PathBuf {
        let mut sum = Crc::new();
        sum.update(self.path.file_name().unwrap_or(OsStr::new("")).as_encoded_bytes());
        self.folder().join(format!(".gmlayer-{:08x}.{ending}", sum.sum()))
    }

    /// A new file that can take this one's place, locked as long as it is open. One that nobody has locked was left
    /// by a process that was killed.
    fn partial(&self) -> io::Result<Partial> {
        let busy = || io::Error::other("another process is writing it");
        let place = self.beside("partial");
        for _ in 0..TRIES {
            match File::create_new(&place) {
                Ok(file) => {
                    let locked = !matches!(file.try_lock(), Err(TryLockError::WouldBlock));
                    if locked && is_at(&file, &place) {
                        return Ok(Partial { file, place, renamed: false });
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    let left = match fs::symlink_metadata(&place) {
                        Ok(metadata) if metadata.is_file() => OpenOptions::new().write(true).open(&place),
                        Ok(_) => return Err(error),
                        Err(error) => Err(error),
                    };
                    match left {
                        Ok(left) if matches!(left.try_lock(), Err(TryLockError::WouldBlock)) => {
                            return Err(busy());
                        }
                        Ok(left) if is_at(&left, &place) => fs::remove_file(&place)?,
                        Ok(_) => {}
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        Err(error) => return Err(error),
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(busy())
    }

    /// Gives a new file the owner and the mode of the old one.
    fn dress(&self, file: &File) -> io::Result<()> {
        let Some(old) = &self.old else { return Ok(()) };
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            let new = file.metadata()?;
            if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                // Only root may give files away.
                let _ = fchown(file, Some(old.uid()), Some(old.gid()));
            }
        }
        file.set_permissions(old.permissions())
    }

    /// In a folder like `/tmp`, only the owners of a file and of the folder, and root, may replace the file.
    #[cfg(unix)]
    fn check_owner(&self, new: &File) -> io::Result<()> {
        use std::os::unix::fs::MetadataExt;
        const STICKY: u32 = 0o1000;
        let Some(old) = &self.old else { return Ok(()) };
        let (own, folder) = (new.metadata()?.uid(), fs::metadata(self.folder())?);
        if folder.mode() & STICKY != 0 && ![0, old.uid(), folder.uid()].contains(&own) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        Ok(())
    }

    #[cfg(not(unix))]
    fn check_owner(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    /// A mount point cannot be replaced, and no other name can be made for what is mounted there.
    fn check_mount(&self) -> io::Result<()> {
        if self.old.is_none() {
            return Ok(());
        }
        let link = self.beside("link");
        let _ = fs::remove_file(&link); // of a process that was killed here
        let linked = fs::hard_link(&self.path, &link);
        let _ = fs::remove_file(&link);
        match linked {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                Err(io::Error::other("it is a mount point, which cannot be replaced"))
            }
            _ => Ok(()), // also where the file system has no such links
        }
    }
}

/// A file on its way; removed where it does not get there.
struct Partial {
    file: File,
    place: PathBuf,
    renamed: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.renamed {
            let _ = fs::remove_file(&self.place);
        }
    }
}

/// The path behind symbolic links at the end of `path`; behind the last one there may be no file yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..=LINKS {
        if !names_a_file(&path) {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is the name of a folder"));
        }
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_symlink() => {
                let link = fs::read_link(&path)?;
                path = path.parent().map_or_else(|| link.clone(), |folder| folder.join(&link));
            }
            _ => return Ok(path),
        }
    }
    Err(io::Error::other("it is a loop of symbolic links"))
}

/// Whether a path ends in a name, and not in a separator, `.` or `..`.
fn names_a_file(path: &Path) -> bool {
    let whole = path.as_os_str().as_encoded_bytes();
    path.file_name().is_some_and(|name| whole.ends_with(name.as_encoded_bytes()))
}

/// Whether `file` is what has the name `place`.
#[cfg(unix)]
fn is_at(file: &File, place: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |metadata: Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(place)) {
        (Ok(file), Ok(place)) => identity(file) == identity(place),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}
