//! A workspace on disk, and what an agent may ask of it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::*;

/// A workspace with a secret beside it.
fn workspace() -> (tempfile::TempDir, Files) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().canonicalize().unwrap().join("work");
    fs::create_dir_all(root.join("src")).unwrap();
    fs::write(dir.path().join("secret"), "secret").unwrap();
    fs::write(root.join("src/a"), "one\ntwo\nthree").unwrap();
    let files = Files::open(&root).unwrap();
    (dir, files)
}

fn read(files: &Files, path: &str) -> Result<String, String> {
    files.read(&files.root.join(path), None, None).map_err(|error| told(files, error))
}

fn write(files: &Files, path: &str, text: &str) -> Result<(), String> {
    files.write(&files.root.join(path), text).map_err(|error| told(files, error))
}

fn told(files: &Files, error: FileError) -> String {
    crate::pod::chain(&error).replace(files.root.to_str().unwrap(), "$W")
}

const LEADS_OUT: &str = "leads out of the workspace, over '..' or a symlink, or over a symlink to an absolute path: only \
                         files below '$W' are served";

#[test]
fn a_file_is_read_whole_or_by_lines() {
    let (_dir, files) = workspace();
    let path = files.root.join("src/a");
    let lines = |line, limit| files.read(&path, line, limit).unwrap();
    assert_eq!(lines(None, None), "one\ntwo\nthree");
    assert_eq!(lines(Some(2), None), "two\nthree");
    assert_eq!(lines(Some(2), Some(1)), "two\n");
    assert_eq!(lines(None, Some(0)), "");
    assert_eq!(lines(Some(0), Some(1)), "one\n");
    assert_eq!(lines(Some(9), Some(9)), "");
}

#[test]
fn nothing_leads_out_of_the_workspace() {
    let (dir, files) = workspace();
    let secret = dir.path().canonicalize().unwrap().join("secret");
    symlink("../secret", files.root.join("link")).unwrap();
    symlink(&secret, files.root.join("absolute")).unwrap();
    symlink("..", files.root.join("up")).unwrap();
    symlink(files.root.join("src/a"), files.root.join("home")).unwrap();
    symlink("round", files.root.join("round")).unwrap();
    for path in ["link", "absolute", "up/secret", "../secret", "src/../../secret", "home", "round"] {
        assert_eq!(read(&files, path).unwrap_err(), format!("'$W/{path}' {LEADS_OUT}"));
        assert_eq!(write(&files, path, "mine").unwrap_err(), format!("'$W/{path}' {LEADS_OUT}"));
    }
    let outside = files.read(&secret, None, None).unwrap_err().to_string();
    assert!(outside.contains("lies outside of the workspace"), "{outside}");
    let relative = files.read(Path::new("src/a"), None, None).unwrap_err().to_string();
    assert!(relative.contains("is no absolute path"), "{relative}");
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(read(&files, "src/../src/a").unwrap(), "one\ntwo\nthree");
}

#[test]
fn only_regular_files_of_a_sane_size_are_read() {
    let (_dir, files) = workspace();
    nix::unistd::mkfifo(&files.root.join("fifo"), Mode::from_bits_truncate(0o600)).unwrap();
    let _listens = std::os::unix::net::UnixListener::bind(files.root.join("socket")).unwrap();
    for path in ["fifo", "src", "socket", ""] {
        assert_eq!(read(&files, path).unwrap_err(), format!("'$W/{path}' is no regular file"));
        assert_eq!(write(&files, path, "x").unwrap_err(), format!("'$W/{path}' is no regular file"));
    }
    fs::write(files.root.join("bytes"), b"\xff\xfe").unwrap();
    assert_eq!(read(&files, "bytes").unwrap_err(), "'$W/bytes' is no text in UTF-8");
    File::create(files.root.join("big")).unwrap().set_len(MAX_READ + 1).unwrap();
    let big = read(&files, "big").unwrap_err();
    assert!(big.contains("has 4194305 bytes, and no more than 4194304 are served"), "{big}");
    assert_eq!(read(&files, "none").unwrap_err(), "cannot read '$W/none': No such file or directory (os error 2)");
}

#[test]
fn a_file_is_replaced_as_a_whole_and_keeps_its_mode() {
    let (_dir, files) = workspace();
    let path = files.root.join("src/run");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o751)).unwrap();
    let held = File::open(&path).unwrap();
    write(&files, "src/run", "new").unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o751);
    assert_eq!(io::read_to_string(held).unwrap(), "old");
    write(&files, "new/dir/file", "made").unwrap();
    assert_eq!(read(&files, "new/dir/file").unwrap(), "made");
    assert_eq!(fs::read_dir(files.root.join("src")).unwrap().count(), 2, "no temporary is left");
}

#[test]
fn a_symlink_that_stays_inside_is_written_through() {
    let (_dir, files) = workspace();
    symlink("src/a", files.root.join("link")).unwrap();
    symlink("../link", files.root.join("src/back")).unwrap();
    write(&files, "src/back", "new").unwrap();
    assert_eq!(fs::read_to_string(files.root.join("src/a")).unwrap(), "new");
    assert!(fs::symlink_metadata(files.root.join("link")).unwrap().is_symlink());
}

#[test]
fn what_cannot_be_written_leaves_the_old_file() {
    let (_dir, files) = workspace();
    let too_large = write(&files, "src/a", &"x".repeat(MAX_WRITE + 1)).unwrap_err();
    assert!(too_large.contains("has 16777217 bytes"), "{too_large}");
    let below_a_file = write(&files, "src/a/b", "x").unwrap_err();
    assert_eq!(below_a_file, "cannot write '$W/src/a/b': Not a directory (os error 20)");
    assert_eq!(read(&files, "src/a").unwrap(), "one\ntwo\nthree");
}
