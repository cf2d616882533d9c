//! The successor of a ticket's directory: built beside it, complete and durable before it takes its place.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use nix::libc;

use crate::fs::{IoContext as _, PathError, entries, sync_dir};

/// How deep directories in a ticket may lie: artifacts, and what somebody unpacked there.
const MAX_DEPTH: usize = 32;

/// A file that the successor has anew, or has no more.
#[derive(Debug)]
pub(super) struct NewFile {
    /// Its name in the directory, or in one directly in that.
    pub(super) name: &'static str,
    /// Its whole content; `None` where it goes.
    pub(super) content: Option<String>,
}

impl NewFile {
    /// A file with this content.
    pub(super) fn new(name: &'static str, content: impl Into<String>) -> Self {
        Self { name, content: Some(content.into()) }
    }

    /// A file that is there no more.
    pub(super) fn gone(name: &'static str) -> Self {
        Self { name, content: None }
    }
}

/// What a directory held when its successor was made: enough to see whether somebody has changed it since.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Inventory(Vec<(PathBuf, Stamp)>);

#[derive(Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    mode: u32,
    /// Length and time of the last change; of a directory its entries say more.
    content: Option<(u64, i64, i64)>,
}

impl Inventory {
    /// Takes stock of a directory and all below it.
    pub(super) fn of(dir: &Path) -> Result<Self, PathError> {
        let mut found = Vec::new();
        take_stock(dir, Path::new(""), 0, &mut found)?;
        Ok(Self(found))
    }

    /// The files in `artifacts`, and all that is no directory, by their paths from there.
    pub(super) fn artifacts(&self) -> impl Iterator<Item = PathBuf> {
        let files = self.0.iter().filter(|(_, stamp)| stamp.content.is_some());
        files.filter_map(|(path, _)| path.strip_prefix("artifacts").ok().map(Path::to_owned))
    }
}

fn take_stock(dir: &Path, below: &Path, depth: usize, found: &mut Vec<(PathBuf, Stamp)>) -> Result<(), PathError> {
    for name in sorted_entries(&dir.join(below), depth)? {
        let relative = below.join(&name);
        let path = dir.join(&relative);
        let meta = fs::symlink_metadata(&path).context("look at", &path)?;
        let content = (!meta.is_dir()).then(|| (meta.len(), meta.mtime(), meta.mtime_nsec()));
        found.push((relative.clone(), Stamp { device: meta.dev(), inode: meta.ino(), mode: meta.mode(), content }));
        if meta.is_dir() {
            take_stock(dir, &relative, depth + 1, found)?;
        }
    }
    Ok(())
}

fn sorted_entries(dir: &Path, depth: usize) -> Result<Vec<OsString>, PathError> {
    if depth > MAX_DEPTH {
        return Err(PathError::refused("copy", dir, format!("directories are nested more than {MAX_DEPTH} deep")));
    }
    let mut names = entries(dir)?;
    names.sort();
    Ok(names)
}

/// Makes `to` a directory like `from`, with some files anew; all is synced but the name of `to` itself.
///
/// Files that do not change are the same files under another name, so that even a large artifact costs nothing; they
/// are copied where they cannot be linked.
pub(super) fn succeed(from: &Path, to: &Path, new: &[NewFile]) -> Result<(), PathError> {
    copy_dir(from, to, Path::new(""), 0, &|name| new.iter().any(|file| name == Path::new(file.name)))?;
    for file in new {
        let mode = match fs::symlink_metadata(from.join(file.name)) {
            Ok(meta) => Some(meta.mode() & 0o7777),
            Err(_) => None,
        };
        let Some(content) = &file.content else { continue };
        let path = to.join(file.name);
        let below = path.parent().filter(|below| *below != to);
        below.map(make_real_dir).transpose()?;
        create(&path, content.as_bytes(), mode)?;
        below.map(sync_dir).transpose()?;
    }
    sync_dir(to)
}

/// Makes a directory where there is none; a symlink in its place leads elsewhere and is refused.
fn make_real_dir(path: &Path) -> Result<(), PathError> {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => Ok(()),
        Ok(_) => Err(PathError::refused("write into", path, "it is no directory")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir(path).context("make the directory", path)
        }
        Err(error) => Err(error).context("look at", path),
    }
}

/// Makes a directory with files of its own and empty directories, all synced but its own name.
pub(super) fn build(to: &Path, new: &[NewFile], dirs: &[&str]) -> Result<(), PathError> {
    fs::create_dir(to).context("make the directory", to)?;
    for file in new {
        if let Some(content) = &file.content {
            create(&to.join(file.name), content.as_bytes(), None)?;
        }
    }
    for dir in dirs.iter().map(|dir| to.join(dir)) {
        fs::create_dir(&dir).context("make the directory", &dir)?;
        sync_dir(&dir)?;
    }
    sync_dir(to)
}

/// Writes a new file and syncs it; mode 0666 less the umask, or the mode of the file that it follows on.
pub(super) fn create(path: &Path, content: &[u8], mode: Option<u32>) -> Result<(), PathError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC)
        .open(path)
        .context("create", path)?;
    file.write_all(content).context("write", path)?;
    if let Some(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode)).context("set the mode of", path)?;
    }
    file.sync_all().context("sync", path)
}

fn copy_dir(
    from: &Path,
    to: &Path,
    below: &Path,
    depth: usize,
    leave_out: &dyn Fn(&Path) -> bool,
) -> Result<(), PathError> {
    let names = sorted_entries(from, depth)?;
    let mode = fs::symlink_metadata(from).context("look at", from)?.mode() & 0o7777;
    fs::create_dir(to).context("make the directory", to)?;
    for name in names.iter().filter(|name| !leave_out(&below.join(name))) {
        let (old, new) = (from.join(name), to.join(name));
        let kind = fs::symlink_metadata(&old).context("look at", &old)?.file_type();
        if kind.is_dir() {
            copy_dir(&old, &new, &below.join(name), depth + 1, leave_out)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&old).context("read the link", &old)?;
            symlink(target, &new).context("make the link", &new)?;
        } else {
            link_or_copy(&old, &new)?;
        }
    }
    // The mode comes last: that of an artifact's directory may forbid its owner to write.
    fs::set_permissions(to, Permissions::from_mode(mode)).context("set the mode of", to)?;
    sync_dir(to)
}

fn link_or_copy(old: &Path, new: &Path) -> Result<(), PathError> {
    match fs::hard_link(old, new) {
        Err(error) if cannot_link(&error) => {}
        other => return other.context("link", old),
    }
    let mut source = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(old)
        .context("open", old)?;
    let meta = source.metadata().context("look at", old)?;
    if !meta.is_file() {
        return Err(PathError::refused("copy", old, "it is no regular file"));
    }
    let mut copy = File::create_new(new).context("create", new)?;
    io::copy(&mut source, &mut copy).context("copy", old)?;
    let kept = copy.set_permissions(Permissions::from_mode(meta.mode() & 0o7777));
    kept.and_then(|()| meta.modified()).and_then(|time| copy.set_modified(time)).context("set the mode of", new)?;
    copy.sync_all().context("sync", new)
}

/// File systems without links, files with too many, other people's files that may not be linked (`protected_hardlinks`).
fn cannot_link(error: &io::Error) -> bool {
    let codes = [libc::EPERM, libc::EMLINK, libc::EOPNOTSUPP, libc::EXDEV, libc::ENOSYS, libc::EACCES];
    error.raw_os_error().is_some_and(|code| codes.contains(&code))
}
