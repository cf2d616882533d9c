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

/// Tells whether an existing path lies on a network file system, and on which.
///
/// # Errors
/// When the kernel does not answer for the path.
#[cfg(target_os = "linux")]
pub fn network_file_system(path: &Path) -> Result<Option<NetworkFs>, PathError> {
    let found = nix::sys::statfs::statfs(path).context("look at the file system of", path)?.filesystem_type();
    // The type's width differs between platforms; the magic numbers have 32 bits.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "magic numbers have 32 bits")]
    let magic = found.0 as u32;
    let kind = NETWORK.iter().find(|(number, _)| *number == magic).map(|(_, kind)| *kind);
    Ok(kind.map(|kind| NetworkFs { path: path.to_owned(), kind }))
}

/// Tells whether an existing path lies on a network file system; this platform cannot say.
#[cfg(not(target_os = "linux"))]
pub fn network_file_system(_path: &Path) -> Result<Option<NetworkFs>, PathError> {
    Ok(None)
}
