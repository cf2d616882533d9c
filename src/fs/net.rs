//! Network file systems, on which neither locks nor syncs can be trusted.

use std::path::Path;

use super::error::{IoContext as _, PathError};

/// Says that a path lies on a network file system.
#[derive(Debug, thiserror::Error)]
#[error("'{}' lies on a network file system ({kind})", path.display())]
pub struct NetworkFs {
    /// The path that was asked about.
    pub path: std::path::PathBuf,
    /// The file system's common name.
    pub kind: &'static str,
}

/// Magic numbers of `statfs(2)`, from the kernel's `magic.h` and the file systems' own headers.
const NETWORK: &[(u32, &str)] = &[
    (0x0000_6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x0000_517b, "smb"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x0102_1997, "9p"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0x0116_1970, "gfs2"),
    (0x7461_636f, "ocfs2"),
];

/// Likewise, of file systems that are none of the network.
const LOCAL: &[(u32, &str)] = &[
    (0x0000_ef53, "ext4"),
    (0x9123_683e, "btrfs"),
    (0x5846_5342, "xfs"),
    (0x2fc1_2fc1, "zfs"),
    (0x0102_1994, "tmpfs"),
    (0x794c_7630, "overlay"),
    (0xf2f5_2010, "f2fs"),
    (0xca45_1a4e, "bcachefs"),
    (0x0000_4d44, "vfat"),
    (0x2011_bab0, "exfat"),
    (0x6573_5546, "fuse"),
];

/// Names the file system that an existing path lies on; one that is not known is told by its number.
///
/// # Errors
/// When the kernel does not answer for the path.
#[cfg(target_os = "linux")]
pub fn file_system_name(path: &Path) -> Result<String, PathError> {
    let magic = magic_of(path)?;
    let known = NETWORK.iter().chain(LOCAL).find(|(number, _)| *number == magic);
    Ok(known.map_or_else(|| format!("type {magic:#x}"), |(_, name)| (*name).to_owned()))
}

/// Names the file system that an existing path lies on; this platform cannot say.
///
/// # Errors
/// None.
#[cfg(not(target_os = "linux"))]
pub fn file_system_name(_path: &Path) -> Result<String, PathError> {
    Ok("an unknown type".to_owned())
}

#[cfg(target_os = "linux")]
fn magic_of(path: &Path) -> Result<u32, PathError> {
    let found = nix::sys::statfs::statfs(path).context("look at the file system of", path)?.filesystem_type();
    // The type's width differs between platforms; the magic numbers have 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "magic numbers have 32 bits")]
    let magic = found.0 as u32;
    Ok(magic)
}

/// Tells whether an existing path lies on a network file system, and on which.
///
/// # Errors
/// When the kernel does not answer for the path.
#[cfg(target_os = "linux")]
pub fn network_file_system(path: &Path) -> Result<Option<NetworkFs>, PathError> {
    let magic = magic_of(path)?;
    let kind = NETWORK.iter().find(|(number, _)| *number == magic).map(|(_, kind)| *kind);
    Ok(kind.map(|kind| NetworkFs { path: path.to_owned(), kind }))
}

/// Tells whether an existing path lies on a network file system; this platform cannot say.
#[cfg(not(target_os = "linux"))]
pub fn network_file_system(_path: &Path) -> Result<Option<NetworkFs>, PathError> {
    Ok(None)
}
