//! Safe opening and reading: never through a symlink, never a FIFO, never a file of somebody else.

use std::ffi::OsString;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::libc;

use super::error::{IoContext as _, PathError};

/// The largest record that is read, in bytes.
pub const MAX_RECORD: u64 = 1 << 20;

/// Reads a record of at most [`MAX_RECORD`] bytes; `None` where there is no such file.
///
/// Only `ENOENT` for the file itself counts as "no such file".
///
/// # Errors
/// When the file cannot be opened or read, is a symlink, no regular file, not ours, writable by others, or too large.
pub fn read_file(path: &Path) -> Result<Option<Vec<u8>>, PathError> {
    read_file_up_to(path, MAX_RECORD)
}

/// A file that was read and is kept open, so that it can be told whether its name still stands for what was read.
///
/// An inode number is given to no other file for as long as this is. A record is only ever replaced, which gives the name
/// another inode; a person may write into it, which changes its times or its size.
#[derive(Debug)]
pub struct HeldFile {
    path: PathBuf,
    bytes: Vec<u8>,
    version: FileVersion,
    _file: File,
}

/// What of a file changes when it is written to or replaced.
#[derive(Debug, PartialEq, Eq)]
struct FileVersion {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl From<&Metadata> for FileVersion {
    fn from(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}

impl HeldFile {
    /// What was in it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether its name stands for this file still, unchanged since it was read.
    pub fn stands(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok_and(|meta| FileVersion::from(&meta) == self.version)
    }
}

/// Reads a record as [`read_file`] does, and keeps it open.
///
/// # Errors
/// The same as those of [`read_file`].
pub fn hold_file(path: &Path) -> Result<Option<HeldFile>, PathError> {
    let Some((file, meta)) = open_with_meta(path)? else { return Ok(None) };
    // Looked at before it is read: what is written meanwhile makes it another version.
    let version = FileVersion::from(&meta);
    let bytes = read_whole(&file, path, meta.len(), MAX_RECORD)?;
    Ok(Some(HeldFile { path: path.to_owned(), bytes, version, _file: file }))
}

/// Reads a record as [`read_file`] does, and tells whose it is: root reads what is anybody's.
///
/// # Errors
/// The same as those of [`read_file`].
pub fn read_file_of(path: &Path) -> Result<Option<(Vec<u8>, u32)>, PathError> {
    let Some((file, meta)) = open_with_meta(path)? else { return Ok(None) };
    Ok(Some((read_whole(&file, path, meta.len(), MAX_RECORD)?, meta.uid())))
}

/// Reads a file as [`read_file`] does, with a bound of its own in bytes.
///
/// # Errors
/// The same as those of [`read_file`].
pub fn read_file_up_to(path: &Path, bound: u64) -> Result<Option<Vec<u8>>, PathError> {
    let Some((file, size)) = open_regular(path)? else { return Ok(None) };
    read_whole(&file, path, size, bound).map(Some)
}

fn read_whole(file: &File, path: &Path, size: u64, bound: u64) -> Result<Vec<u8>, PathError> {
    if size > bound {
        return Err(PathError::refused("read", path, format!("it has {size} bytes, at most {bound} are read")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0) + 1);
    // A file that grows while it is read stays within the bound.
    file.take(bound + 1).read_to_end(&mut bytes).context("read", path)?;
    if bytes.len() as u64 > bound {
        return Err(PathError::refused("read", path, format!("it grew past {bound} bytes while it was read")));
    }
    Ok(bytes)
}

/// Reads the last `bound` bytes of a file that only grows, and tells whether there is more before them; `None` where
/// there is no such file.
///
/// # Errors
/// The same as those of [`read_file`], except that no size is too large.
pub fn read_tail(path: &Path, bound: u64) -> Result<Option<(Vec<u8>, bool)>, PathError> {
    let Some((file, size)) = open_regular(path)? else { return Ok(None) };
    let start = size.saturating_sub(bound);
    let mut bytes = Vec::new();
    (&file).seek(SeekFrom::Start(start)).context("read", path)?;
    (&file).take(bound).read_to_end(&mut bytes).context("read", path)?;
    Ok(Some((bytes, start > 0)))
}

/// The longest line that [`Lines`] gives unless told otherwise, in bytes.
pub const MAX_LINE: usize = 1 << 20;
/// How often, and at which distance, the end of a file that only grows is looked at again before its last line counts as
/// torn: a line that is longer than a page may be seen while it is being written.
const LOOK_AGAIN: (usize, Duration) = (10, Duration::from_millis(1));

/// One line of a file that only grows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// Its bytes without the newline.
    pub bytes: Vec<u8>,
    /// What became of it.
    pub end: LineEnd,
}

/// How a line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineEnd {
    /// With a newline.
    Newline,
    /// With the file: its writer was stopped in the middle, or the disk was full.
    Torn,
    /// It has more bytes than are given, of which only the first are given.
    TooLong,
}

/// The lines of a file that only grows, one after the other: however large it is, no more than one is in memory.
#[derive(Debug)]
pub struct Lines<R = File> {
    path: PathBuf,
    reader: BufReader<R>,
    place: LinePlace,
    bound: usize,
}

/// A place between two whole lines of a file that only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinePlace {
    /// How many lines are before it.
    pub lines: u64,
    /// How many bytes are before it.
    pub bytes: u64,
}

/// Opens a file to read it line by line; `None` where there is no such file.
///
/// # Errors
/// The same as those of [`read_file`], except that no size is too large.
pub fn read_lines(path: &Path) -> Result<Option<Lines>, PathError> {
    read_lines_from(path, LinePlace::default())
}

/// Goes on where an earlier reading of the file ended.
///
/// # Errors
/// The same as those of [`read_lines`].
pub fn read_lines_from(path: &Path, place: LinePlace) -> Result<Option<Lines>, PathError> {
    let Some((mut file, _size)) = open_regular(path)? else { return Ok(None) };
    file.seek(SeekFrom::Start(place.bytes)).context("read", path)?;
    Ok(Some(Lines { path: path.to_owned(), reader: BufReader::new(file), place, bound: MAX_LINE }))
}

/// Opens a file that only grows from a byte on, to be read as it is; `None` where there is no such file.
///
/// # Errors
/// The same as those of [`read_lines`].
pub fn open_from(path: &Path, from: u64) -> Result<Option<File>, PathError> {
    let Some((mut file, _size)) = open_regular(path)? else { return Ok(None) };
    file.seek(SeekFrom::Start(from)).context("read", path)?;
    Ok(Some(file))
}

/// Where the last `count` lines of a file that only grows begin, in bytes; of it no more than `end` bytes are looked at.
/// What stands behind the last newline is a line, too.
///
/// # Errors
/// The same as those of [`read_lines`].
pub fn start_of_last_lines(path: &Path, end: Option<u64>, count: u64) -> Result<u64, PathError> {
    const BLOCK: u64 = 64 << 10;
    let Some((mut file, size)) = open_regular(path)? else { return Ok(0) };
    let end = end.map_or(size, |end| end.min(size));
    if count == 0 {
        return Ok(end);
    }
    let mut left = count;
    let mut from = end;
    let mut block = Vec::new();
    while from > 0 {
        let to = from;
        from = to.saturating_sub(BLOCK);
        block.clear();
        file.seek(SeekFrom::Start(from)).context("read", path)?;
        (&file).take(to - from).read_to_end(&mut block).context("read", path)?;
        for (within, byte) in block.iter().enumerate().rev() {
            let at = from + within as u64;
            // The newline at the very end ends the last line, and begins none.
            if *byte != b'\n' || at + 1 == end {
                continue;
            }
            left -= 1;
            if left == 0 {
                return Ok(at + 1);
            }
        }
    }
    Ok(0)
}

/// How long a file is, in bytes; 0 where there is none.
///
/// # Errors
/// The same as those of [`read_lines`].
pub fn length_of(path: &Path) -> Result<u64, PathError> {
    Ok(open_regular(path)?.map_or(0, |(_, size)| size))
}

impl<R: Read> Lines<R> {
    /// Gives lines of up to so many bytes.
    #[must_use]
    pub fn up_to(self, bound: usize) -> Self {
        Self { bound, ..self }
    }

    /// Reads up to a newline, the end of the file, or the bound.
    fn piece(&mut self, line: &mut Vec<u8>) -> Result<usize, PathError> {
        let left = (self.bound + 1).saturating_sub(line.len()) as u64;
        self.reader.by_ref().take(left).read_until(b'\n', line).context("read", &self.path)
    }

    fn read_line(&mut self) -> Result<Option<Line>, PathError> {
        let mut bytes = Vec::new();
        if self.piece(&mut bytes)? == 0 {
            return Ok(None);
        }
        let mut skipped = 0;
        let mut looks = 0;
        let end = loop {
            if bytes.last() == Some(&b'\n') {
                break LineEnd::Newline;
            }
            if bytes.len() > self.bound {
                skipped = self.reader.skip_until(b'\n').context("read", &self.path)?;
                break LineEnd::TooLong;
            }
            if self.piece(&mut bytes)? == 0 {
                looks += 1;
                if looks > LOOK_AGAIN.0 {
                    break LineEnd::Torn;
                }
                std::thread::sleep(LOOK_AGAIN.1);
            }
        };
        let number = self.place.lines + 1;
        if end != LineEnd::Torn {
            self.place = LinePlace { lines: number, bytes: self.place.bytes + (bytes.len() + skipped) as u64 };
        }
        match end {
            LineEnd::Newline => drop(bytes.pop()),
            LineEnd::TooLong => bytes.truncate(self.bound),
            LineEnd::Torn => {}
        }
        Ok(Some(Line { number, bytes, end }))
    }

    /// The place behind the last whole line that was given.
    pub fn place(&self) -> LinePlace {
        self.place
    }
}

impl<R: Read> Iterator for Lines<R> {
    type Item = Result<Line, PathError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read_line().transpose()
    }
}

/// Checks that a file is there and would be read, without reading it.
///
/// # Errors
/// When it is missing, or [`read_file`] would refuse it for another reason than its size.
pub fn check_readable(path: &Path) -> Result<(), PathError> {
    match open_regular(path)? {
        Some(_) => Ok(()),
        None => Err(std::io::Error::from(std::io::ErrorKind::NotFound)).context("open", path),
    }
}

/// Whether there is anything of this name, be it a file or not; asked without following a symlink.
///
/// # Errors
/// When that cannot be told.
pub fn is_there(path: &Path) -> Result<bool, PathError> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).context("look at", path),
    }
}

/// Whether a socket bears this name.
pub fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket())
}

/// Whether what bears this name has the form of a record: a regular file of at most [`MAX_RECORD`] bytes.
///
/// # Errors
/// When it cannot be looked at.
pub fn is_record_sized_file(path: &Path) -> Result<bool, PathError> {
    let meta = std::fs::symlink_metadata(path).context("look at", path)?;
    Ok(meta.is_file() && meta.len() <= MAX_RECORD)
}

/// When the inode of a file last changed: for a renamed file, the moment of the rename.
///
/// # Errors
/// When the file cannot be looked at.
pub fn changed_at(path: &Path) -> Result<chrono::DateTime<chrono::Utc>, PathError> {
    let meta = std::fs::symlink_metadata(path).context("look at", path)?;
    let nanoseconds = u32::try_from(meta.ctime_nsec()).unwrap_or(0);
    Ok(chrono::DateTime::from_timestamp(meta.ctime(), nanoseconds).unwrap_or_default())
}

/// Opens a file for reading and gives its size in bytes; `None` where there is no such file.
pub(super) fn open_regular(path: &Path) -> Result<Option<(File, u64)>, PathError> {
    Ok(open_with_meta(path)?.map(|(file, meta)| (file, meta.len())))
}

fn open_with_meta(path: &Path) -> Result<Option<(File, Metadata)>, PathError> {
    let opened = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC | libc::O_NOCTTY)
        .open(path);
    let file = match opened {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => {
            return Err(PathError::refused("read", path, "it is a symbolic link, which yoi never follows"));
        }
        Err(error) => return Err(error).context("open", path),
    };
    let meta = check_meta(&file, path)?;
    Ok(Some((file, meta)))
}

/// Checks that an open file is a regular one, ours, and writable by nobody else; gives its size in bytes.
pub(super) fn check_regular(file: &File, path: &Path) -> Result<u64, PathError> {
    check_meta(file, path).map(|meta| meta.len())
}

fn check_meta(file: &File, path: &Path) -> Result<Metadata, PathError> {
    let meta = file.metadata().context("look at", path)?;
    if !meta.is_file() {
        return Err(PathError::refused("read", path, "it is no regular file"));
    }
    super::dir::check_owner_and_mode(path, meta.uid(), meta.mode())?;
    Ok(meta)
}

/// Lists the names in a directory, in no particular order; empty where there is no such directory.
///
/// # Errors
/// When the directory exists and cannot be read.
pub fn entries(dir: &Path) -> Result<Vec<OsString>, PathError> {
    let listing = match std::fs::read_dir(dir) {
        Ok(listing) => listing,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("list", dir),
    };
    listing.map(|entry| entry.map(|e| e.file_name())).collect::<Result<_, _>>().context("list", dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<(u64, usize, LineEnd)> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        super::super::create_file(&path, text).unwrap();
        let lines = read_lines(&path).unwrap().unwrap();
        lines.map(|line| line.unwrap()).map(|line| (line.number, line.bytes.len(), line.end)).collect()
    }

    #[test]
    fn lines_are_counted_and_the_last_one_may_be_torn() {
        assert_eq!(lines(b""), []);
        assert_eq!(lines(b"a\n\nbc\n"), [(1, 1, LineEnd::Newline), (2, 0, LineEnd::Newline), (3, 2, LineEnd::Newline)]);
        assert_eq!(lines(b"a\nbc"), [(1, 1, LineEnd::Newline), (2, 2, LineEnd::Torn)]);
    }

    /// A file of which each read sees what was written up to then.
    struct Growing(Vec<&'static [u8]>);

    impl Read for Growing {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            let Some(seen) = self.0.pop() else { return Ok(0) };
            buffer[..seen.len()].copy_from_slice(seen);
            Ok(seen.len())
        }
    }

    #[test]
    fn a_line_that_is_just_being_written_is_not_torn() {
        let growing = Growing(vec![b"c\n", b"", b"", b"b", b"", b"", b"a"]);
        let (reader, place) = (BufReader::new(growing), LinePlace::default());
        let mut lines = Lines { path: PathBuf::new(), reader, place, bound: MAX_LINE };
        let line = lines.next().unwrap().unwrap();
        assert_eq!((&line.bytes[..], line.end), (&b"abc"[..], LineEnd::Newline));
        assert!(lines.next().is_none());
    }

    #[test]
    fn a_line_without_end_takes_no_more_than_its_bound() {
        let mut text = vec![b'x'; MAX_LINE];
        text.extend_from_slice(b"\n");
        text.extend(vec![b'y'; 3 * MAX_LINE]);
        text.extend_from_slice(b"\nz\n");
        assert_eq!(
            lines(&text),
            [(1, MAX_LINE, LineEnd::Newline), (2, MAX_LINE, LineEnd::TooLong), (3, 1, LineEnd::Newline)]
        );
    }

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lines");
        let long = format!("{}\n", "x".repeat(100_000));
        super::super::create_file(&path, format!("a\n{long}b\nc\n").as_bytes()).unwrap();
        let size = length_of(&path).unwrap();
        let starts = |end| (0..6).map(|count| start_of_last_lines(&path, end, count).unwrap()).collect::<Vec<_>>();
        assert_eq!(starts(None), [size, size - 2, size - 4, 2, 0, 0]);
        assert_eq!(starts(Some(size - 2)), [size - 2, size - 4, 2, 0, 0, 0], "what comes later is not looked at");
        assert_eq!(start_of_last_lines(&dir.path().join("none"), None, 3).unwrap(), 0);
        std::fs::write(&path, "a\nb\nto").unwrap();
        assert_eq!(starts(None), [6, 4, 2, 0, 0, 0], "a torn line is a line");
    }
}
