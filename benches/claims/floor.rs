//! The floor: makes the system calls of `yoi-claim claim-commit`, in its order, and does nothing else.
//!
//! A program of its own, without a dependency: no arguments are parsed, no records made, and what is read is not looked
//! at. Arguments: data root, registry, ticket, Pod. Exit status 0, or 1 where the ticket has a claim.
#![allow(clippy::disallowed_methods, clippy::exit, reason = "the floor stands on no room of the library")]

use std::ffi::{CString, c_char, c_int, c_long, c_short, c_uint, c_void};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;

const O_CREAT_FLAGS: c_int = O_NOFOLLOW | O_NONBLOCK;
const O_NOFOLLOW: c_int = 0o400_000;
const O_NONBLOCK: c_int = 0o4000;
const O_NOCTTY: c_int = 0o400;
const O_DIRECTORY: c_int = 0o200_000;
/// Waits where yoi tries again: the cheapest way to wait that there is.
const F_OFD_SETLKW: c_int = 38;

/// `struct flock` of fcntl(2), on 64-bit Linux.
#[repr(C)]
struct Flock {
    kind: c_short,
    whence: c_short,
    start: c_long,
    len: c_long,
    pid: c_int,
}

unsafe extern "C" {
    fn geteuid() -> c_uint;
    fn statfs(path: *const c_char, buffer: *mut c_void) -> c_int;
    fn uname(buffer: *mut c_void) -> c_int;
    fn getrandom(buffer: *mut c_void, length: usize, flags: c_uint) -> isize;
    fn fcntl(descriptor: c_int, command: c_int, argument: *const Flock) -> c_int;
}

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let mut next = || arguments.next().expect("arguments: data root, registry, ticket, Pod");
    let (data, registry, ticket, pod) = (next(), next(), next(), next());
    let (ticket, pod) = (ticket.to_string_lossy(), pod.to_string_lossy());
    let claimed = claim(Path::new(&data), Path::new(&registry), &ticket, &pod).expect("the floor's calls succeed");
    std::process::exit(if claimed { 0 } else { 1 });
}

fn claim(data: &Path, registry: &Path, ticket: &str, pod: &str) -> io::Result<bool> {
    find_workspace()?;
    check_registry(data, registry)?;
    let _ = random();
    let claim = registry.join("claims").join(format!("{ticket}.toml"));
    if stands(&claim)? {
        return Ok(false);
    }
    let mut host = [0_u8; 512];
    // SAFETY: the buffer is larger than `struct utsname`.
    unsafe { uname(host.as_mut_ptr().cast()) };
    let boot = read(OpenOptions::new().read(true), Path::new("/proc/sys/kernel/random/boot_id"))?;

    let lock_path = registry.join("locks/tickets").join(ticket);
    let lock = open_lock(&lock_path)?;
    let whole = Flock { kind: 1, whence: 0, start: 0, len: 0, pid: 0 };
    // SAFETY: the descriptor is open, and the argument is a `struct flock` that outlives the call.
    if unsafe { fcntl(lock.as_raw_fd(), F_OFD_SETLKW, &whole) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let pid = std::process::id();
    lock.set_len(0)?;
    lock.write_all_at(format!("claim-commit, pid {pid} on host, since then\nticket {ticket}\n").as_bytes(), 0)?;
    let fence = open_lock(&lock_path)?;
    fence.lock()?;
    if stands(&claim)? {
        return Ok(false);
    }
    let (temporaries, offers) = (registry.join("tmp"), registry.join("offers"));
    list(&temporaries)?;
    list(&offers)?;
    let _ = stands(&claim)?;
    let _ = stands(&registry.join("claims").join(format!("{ticket}.released")))?;
    let nonce = format!("{:032x}", random());
    let temporary = temporaries.join(format!("claim-{ticket}.{:016x}", random() as u64));
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).custom_flags(O_NOFOLLOW).open(&temporary)?;
    let text = format!(
        "version = 1\nticket = \"{ticket}\"\npod = \"{pod}\"\nrole = \"intake\"\ngeneration = 1\nnonce = \"{nonce}\"\n\
         accepted_at = 2026-06-07T22:02:25.123456Z\nevidence = \"manual\"\n\n[written_by]\npid = {pid}\nhost = \"host\"\n\
         boot = \"{}\"\n",
        String::from_utf8_lossy(&boot).trim_end(),
    );
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    drop(file);
    fs::hard_link(&temporary, &claim)?;
    let claims = OpenOptions::new().read(true).custom_flags(O_DIRECTORY).open(registry.join("claims"))?;
    claims.sync_all()?;
    drop(claims);
    let _ = fs::remove_file(offers.join(format!("{ticket}.{nonce}")));
    list(&temporaries)?;
    let _ = fs::metadata(&temporary)?;
    fs::remove_file(&temporary)?;
    drop(fence);

    let mut journal = OpenOptions::new();
    journal.read(true).append(true).create(true).mode(0o600).custom_flags(O_CREAT_FLAGS);
    let mut journal = journal.open(registry.join("journal.jsonl"))?;
    let size = check(&journal)?;
    if size > 0 {
        journal.read_exact_at(&mut [0], size - 1)?;
    }
    let line = format!(
        "{{\"at\":\"2026-06-07T22:02:25.123456Z\",\"user\":\"tester\",\"pid\":{pid},\"action\":\"commit\",\
         \"ticket\":\"{ticket}\",\"pod\":\"{pod}\",\"role\":\"intake\",\"generation\":1,\"nonce\":\"{nonce}\",\
         \"why\":\"manual\"}}\n"
    );
    journal.write_all(line.as_bytes())?;
    Ok(true)
}

fn find_workspace() -> io::Result<()> {
    let _start = std::env::current_dir()?;
    let start = fs::canonicalize(std::env::current_dir()?)?;
    start.ancestors().for_each(|dir| drop(fs::symlink_metadata(dir.join(".git"))));
    start.ancestors().for_each(|dir| drop(fs::metadata(dir.join(".yoi"))));
    let _ = fs::metadata(start.join(".yoi"));
    Ok(())
}

fn check_registry(data: &Path, registry: &Path) -> io::Result<()> {
    check_directory(data)?;
    let path = CString::new(data.as_os_str().as_bytes())?;
    let mut buffer = [0_u64; 64];
    // SAFETY: the path ends with a NUL, and the buffer is larger than `struct statfs`.
    unsafe { statfs(path.as_ptr(), buffer.as_mut_ptr().cast()) };
    check_directory(&data.join("workspaces"))?;
    check_directory(registry)?;
    for name in ["claims", "locks", "locks/tickets", "locks/pods", "sessions", "pods", "offers", "tmp"] {
        check_directory(&registry.join(name))?;
    }
    read_record(&registry.join("workspace.toml")).map(drop)
}

fn check_directory(path: &Path) -> io::Result<()> {
    let _ = fs::symlink_metadata(path)?;
    // SAFETY: geteuid(2) takes nothing and always succeeds.
    unsafe { geteuid() };
    Ok(())
}

fn check(file: &File) -> io::Result<u64> {
    let meta = file.metadata()?;
    // SAFETY: geteuid(2) takes nothing and always succeeds.
    unsafe { geteuid() };
    Ok(meta.size())
}

fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(O_CREAT_FLAGS);
    let file = options.open(path)?;
    check(&file)?;
    Ok(file)
}

fn read(options: &OpenOptions, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 1024];
    let mut file = options.open(path)?;
    let _ = file.metadata()?;
    let length = file.read(&mut bytes)?;
    let _end = file.read(&mut bytes[length..])?;
    bytes.truncate(length);
    Ok(bytes)
}

fn read_record(path: &Path) -> io::Result<Vec<u8>> {
    read(OpenOptions::new().read(true).custom_flags(O_NOFOLLOW | O_NONBLOCK | O_NOCTTY), path)
}

/// Whether there is a claim; a loser says who holds it.
fn stands(claim: &Path) -> io::Result<bool> {
    match read_record(claim) {
        Ok(bytes) => io::stderr().write_all(&bytes).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn list(path: &Path) -> io::Result<()> {
    fs::read_dir(path)?.for_each(drop);
    Ok(())
}

fn random() -> u128 {
    let mut bytes = [0_u8; 16];
    // SAFETY: the buffer has as many bytes as are asked for.
    unsafe { getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    u128::from_ne_bytes(bytes)
}
