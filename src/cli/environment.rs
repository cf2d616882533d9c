//! The environment, read once at the edge: nothing to the right of this room looks at it again.
//!
//! An empty variable counts as one that is not set. Paths and values keep their bytes; only what must be a name has to
//! be UTF-8.

use std::ffi::{OsStr, OsString};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use nix::fcntl::{FcntlArg, FdFlag, fcntl};

use super::time::Clock;
use super::{Exit, Failure, OrExit as _};
use crate::domain::{Expect, Nonce, PodName, TicketId, WrittenBy};
use crate::fs::IoContext as _;
use crate::registry::NetworkPolicy;

/// Descriptors that are handed down have at least this number, so that no shell redirection hits them by accident.
const LOWEST_INHERITED: RawFd = 10;

/// The variables that a user may set, and what each is for, as the manual says it.
pub const VARIABLES: &[(&str, &str)] = &[
    (
        "YOI_DATA_DIR",
        "where the registries of all workspaces are kept; the default is yoi in the user's data directory",
    ),
    (
        "YOI_RUNTIME_DIR",
        "where the sockets of Pods are made; the default is $XDG_RUNTIME_DIR/yoi, else run in YOI_DATA_DIR",
    ),
    ("YOI_ALLOW_NETWORK_FS", "1 allows registries on network file systems, where locks cannot be relied on"),
    ("YOI_CLOCK", "a moment in RFC 3339 form that stands for the present, for output that can be compared"),
    ("NO_COLOR", "any value turns colour off where --color does not say otherwise"),
    ("CI", "any value says that nobody is there to answer a question"),
    ("VISUAL, EDITOR", "the editor that texts are written with"),
];

/// Where the platform keeps a program's files.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Platform {
    data: PathBuf,
    config: PathBuf,
}

/// The environment of this process as it was when it started.
#[derive(Debug, Clone)]
pub struct Environment {
    variables: Vec<(OsString, OsString)>,
    /// Where the process was started; `None` where that directory is gone.
    start: Option<PathBuf>,
    platform: Option<Platform>,
    clock: Clock,
}

impl Environment {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// When `YOI_CLOCK` is set and is no moment in RFC 3339 form.
    pub fn read() -> Result<Self, Failure> {
        let platform = directories::ProjectDirs::from("", "", "yoi")
            .map(|dirs| Platform { data: dirs.data_dir().to_owned(), config: dirs.config_dir().to_owned() });
        Self::new(std::env::vars_os().collect(), std::env::current_dir().ok(), platform)
    }

    fn new(
        variables: Vec<(OsString, OsString)>,
        start: Option<PathBuf>,
        platform: Option<Platform>,
    ) -> Result<Self, Failure> {
        let mut environment = Self { variables, start, platform, clock: Clock::System };
        if let Some(moment) = environment.parsed("YOI_CLOCK")? {
            environment.clock = Clock::Fixed(moment);
        }
        Ok(environment)
    }

    /// Takes another data root than the environment's, which children are told of too.
    pub(super) fn use_data_dir(&mut self, data: &Path) {
        self.variables.retain(|(name, _)| name != "YOI_DATA_DIR");
        self.variables.push(("YOI_DATA_DIR".into(), data.into()));
    }

    /// Every variable, in the order in which they came: what a child is given.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.variables
    }

    /// A variable's value; `None` where it is not set or empty.
    pub fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_os_str()).filter(|value| !value.is_empty())
    }

    /// A variable's value read as a type of ours.
    ///
    /// # Errors
    /// When it is set and is no such thing: exit status 2. It is never ignored.
    pub fn parsed<T>(&self, name: &str) -> Result<Option<T>, Failure>
    where
        T: FromStr,
        T::Err: std::error::Error,
    {
        let Some(value) = self.variable(name) else { return Ok(None) };
        let doing = format!("cannot use the environment variable {name}={}", value.to_string_lossy());
        match value.to_str().map(str::parse) {
            Some(Ok(parsed)) => Ok(Some(parsed)),
            Some(Err(error)) => Err(Failure::of(Exit::Usage, &error).while_doing(doing)),
            None => Err(Failure::new(Exit::Usage, doing).because("it is not UTF-8")),
        }
    }

    /// A variable's value as an absolute path; a relative one starts where the process was started.
    fn path(&self, name: &str) -> Result<Option<PathBuf>, Failure> {
        let Some(value) = self.variable(name) else { return Ok(None) };
        let path = Path::new(value);
        match (&self.start, path.is_absolute()) {
            (_, true) => Ok(Some(path.to_owned())),
            (Some(start), false) => Ok(Some(start.join(path))),
            (None, false) => {
                let text = format!("cannot use the environment variable {name}");
                Err(Failure::new(Exit::Environment, text)
                    .because("it is a relative path, and the current directory is gone"))
            }
        }
    }

    /// The data root: `$YOI_DATA_DIR`, else the platform's data directory for yoi.
    ///
    /// # Errors
    /// When neither it nor a home directory is known.
    pub fn data_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = self.path("YOI_DATA_DIR")? {
            return Ok(path);
        }
        let platform = self.platform.as_ref().map(|platform| platform.data.clone());
        platform.ok_or_else(|| {
            Failure::new(Exit::Environment, "cannot tell where to keep data: neither YOI_DATA_DIR nor HOME is set")
        })
    }

    /// The runtime root: `$YOI_RUNTIME_DIR`, else `$XDG_RUNTIME_DIR/yoi`, else `run` below the data root.
    ///
    /// # Errors
    /// Those of [`Self::data_dir`], where it comes to that.
    pub fn runtime_dir(&self) -> Result<PathBuf, Failure> {
        if let Some(path) = self.path("YOI_RUNTIME_DIR")? {
            return Ok(path);
        }
        // The base directory specification has relative paths ignored.
        match self.variable("XDG_RUNTIME_DIR").map(Path::new).filter(|path| path.is_absolute()) {
            Some(path) => Ok(path.join("yoi")),
            None => Ok(self.data_dir()?.join("run")),
        }
    }

    /// The user's own configuration, such as `profiles.toml`; `None` where there is no home directory.
    pub fn config_dir(&self) -> Option<&Path> {
        self.platform.as_ref().map(|platform| platform.config.as_path())
    }

    /// Where programs are looked up (`PATH`).
    pub fn search_path(&self) -> Option<&OsStr> {
        self.variable("PATH")
    }

    /// The user's home directory (`HOME`).
    pub fn home(&self) -> Option<&Path> {
        self.variable("HOME").map(Path::new)
    }

    /// The command line of the user's editor: `$VISUAL`, else `$EDITOR`.
    pub fn editor(&self) -> Option<&OsStr> {
        self.variable("VISUAL").or_else(|| self.variable("EDITOR"))
    }

    /// Whether this runs in continuous integration, with nobody there to answer a question (`CI`).
    pub fn is_ci(&self) -> bool {
        self.variable("CI").is_some()
    }

    /// Whether registries on network file systems may be written to (`YOI_ALLOW_NETWORK_FS=1`).
    pub fn network_policy(&self) -> NetworkPolicy {
        match self.variable("YOI_ALLOW_NETWORK_FS") {
            Some(value) if value == "1" => NetworkPolicy::Allow,
            _ => NetworkPolicy::Refuse,
        }
    }

    /// The Pod that this process runs in (`YOI_POD`).
    ///
    /// # Errors
    /// When the variable holds no Pod name.
    pub fn pod(&self) -> Result<Option<PodName>, Failure> {
        self.parsed("YOI_POD")
    }

    /// The ticket of the Pod that this process runs in (`YOI_TICKET`).
    ///
    /// # Errors
    /// When the variable holds no ticket id.
    pub fn ticket(&self) -> Result<Option<TicketId>, Failure> {
        self.parsed("YOI_TICKET")
    }

    /// The claim of the Pod that this process runs in (`YOI_CLAIM`, as `GENERATION:NONCE`).
    ///
    /// # Errors
    /// When the variable holds something else.
    pub fn claim(&self) -> Result<Option<Expect>, Failure> {
        self.parsed("YOI_CLAIM")
    }

    /// The start of the Pod that this process belongs to (`YOI_EPOCH`); tool calls of another one are refused.
    ///
    /// # Errors
    /// When the variable is not UTF-8.
    pub fn epoch(&self) -> Result<Option<String>, Failure> {
        self.parsed("YOI_EPOCH")
    }

    /// The nonce of the attempt that this process is a step of (`YOI_CLAIM_NONCE`).
    ///
    /// # Errors
    /// When the variable holds no nonce.
    pub fn claim_nonce(&self) -> Result<Option<Nonce>, Failure> {
        self.parsed("YOI_CLAIM_NONCE")
    }

    /// A copy of the ticket lock's descriptor that `ticket-lock` handed down (`YOI_TICKET_LOCK`).
    ///
    /// What it locks is for the registry to check. The copy is close-on-exec; the original stays open.
    ///
    /// # Errors
    /// When the variable names no open descriptor from 10 upwards.
    pub fn ticket_lock(&self) -> Result<Option<OwnedFd>, Failure> {
        self.descriptor("YOI_TICKET_LOCK")
    }

    /// A copy of the probation pipe's read end that `ticket-lock` handed down (`YOI_LAUNCHER`).
    ///
    /// # Errors
    /// When the variable names no open descriptor from 10 upwards.
    pub fn launcher(&self) -> Result<Option<OwnedFd>, Failure> {
        self.descriptor("YOI_LAUNCHER")
    }

    /// Keeps what `ticket-lock` handed down from programs that are run from here: they are no step of that launch.
    ///
    /// # Errors
    /// When a variable holds no number.
    pub fn hand_down_no_further(&self) -> Result<(), Failure> {
        for name in ["YOI_TICKET_LOCK", "YOI_LAUNCHER"] {
            let Some(number) = self.parsed::<RawFd>(name)?.filter(|number| *number >= LOWEST_INHERITED) else {
                continue;
            };
            // SAFETY: the number is borrowed for one call only, which fails if it is not open; then nothing is handed down.
            let _ = fcntl(unsafe { BorrowedFd::borrow_raw(number) }, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC));
        }
        Ok(())
    }

    fn descriptor(&self, name: &str) -> Result<Option<OwnedFd>, Failure> {
        let Some(number) = self.parsed::<RawFd>(name)? else { return Ok(None) };
        let doing = || format!("cannot use the descriptor {number} that {name} names");
        if number < LOWEST_INHERITED {
            let why = format!("descriptors that are handed down are {LOWEST_INHERITED} or above");
            return Err(Failure::new(Exit::Usage, doing()).because(why));
        }
        let open = PathBuf::from(format!("/proc/self/fd/{number}"));
        if std::fs::symlink_metadata(&open).is_err() {
            return Err(Failure::new(Exit::Usage, doing()).because("it is not open"));
        }
        // SAFETY: the descriptor was seen open just now; this process closes none that it did not open, so it stays
        // open for as long as the borrow, which ends on this line.
        let copy = unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned();
        copy.or_exit(Exit::Environment).map(Some).map_err(|failure| failure.while_doing(doing()))
    }

    /// The clock of this process; `YOI_CLOCK` fixes it, for tests and for output that can be compared.
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// The user's name, for the journal and for what a person writes: `$USER`, `$LOGNAME`, the user database.
    pub fn user(&self) -> String {
        let named = self.variable("USER").or_else(|| self.variable("LOGNAME"));
        named.map(|name| name.to_string_lossy().into_owned()).unwrap_or_else(|| {
            let uid = nix::unistd::geteuid();
            match nix::unistd::User::from_uid(uid) {
                Ok(Some(user)) => user.name,
                _ => uid.to_string(),
            }
        })
    }

    /// Process, machine and boot, as they stand in what this process writes; for people.
    pub fn written_by(&self) -> WrittenBy {
        let host = nix::unistd::gethostname().map(|name| name.to_string_lossy().into_owned());
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        WrittenBy {
            pid: std::process::id().into(),
            host: host.unwrap_or_default(),
            boot: boot.map(|text| text.trim().to_owned()).unwrap_or_default(),
            extra: toml::Table::new(),
        }
    }
}

/// The current directory, after `-C`.
///
/// # Errors
/// When it is gone.
pub fn current_dir() -> Result<PathBuf, Failure> {
    std::env::current_dir().or_exit(Exit::Environment).map_err(|f| f.while_doing("cannot tell the current directory"))
}

/// How many descriptors this process may have open.
pub fn descriptor_limit() -> usize {
    // POSIX promises 20; who cannot tell goes by that.
    let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE);
    limit.map_or(20, |(soft, _)| usize::try_from(soft).unwrap_or(usize::MAX))
}

/// Goes on as if started in a directory (`-C`).
///
/// # Errors
/// When it cannot be entered.
pub fn enter(directory: &Path) -> Result<(), Failure> {
    Ok(std::env::set_current_dir(directory).context("change to", directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::{AsRawFd as _, FromRawFd as _, IntoRawFd as _};
    use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let pairs = pairs.iter().map(|(key, value)| (OsString::from(key), OsString::from(value))).collect();
        let platform = Platform { data: "/home/u/.local/share/yoi".into(), config: "/home/u/.config/yoi".into() };
        Environment::new(pairs, Some("/start".into()), Some(platform)).unwrap()
    }

    #[test]
    fn directories_fall_back_in_order() {
        let bare = environment(&[]);
        assert_eq!(bare.data_dir().unwrap(), Path::new("/home/u/.local/share/yoi"));
        assert_eq!(bare.runtime_dir().unwrap(), Path::new("/home/u/.local/share/yoi/run"));
        let login = environment(&[("XDG_RUNTIME_DIR", "/run/user/1")]);
        assert_eq!(login.runtime_dir().unwrap(), Path::new("/run/user/1/yoi"));
        let odd = environment(&[("XDG_RUNTIME_DIR", "run")]);
        assert_eq!(odd.runtime_dir().unwrap(), Path::new("/home/u/.local/share/yoi/run"));
        let own = environment(&[("YOI_DATA_DIR", "/d"), ("YOI_RUNTIME_DIR", "/r"), ("XDG_RUNTIME_DIR", "/x")]);
        assert_eq!(own.data_dir().unwrap(), Path::new("/d"));
        assert_eq!(own.runtime_dir().unwrap(), Path::new("/r"));
    }

    #[test]
    fn relative_directories_start_where_the_process_did() {
        assert_eq!(environment(&[("YOI_DATA_DIR", "d")]).data_dir().unwrap(), Path::new("/start/d"));
        let pairs = vec![("YOI_DATA_DIR".into(), "d".into())];
        let lost = Environment::new(pairs, None, None).unwrap();
        assert_eq!(lost.data_dir().unwrap_err().exit(), Exit::Environment);
    }

    #[test]
    fn empty_variables_are_not_set() {
        let empty = environment(&[("YOI_DATA_DIR", ""), ("YOI_POD", ""), ("CI", ""), ("YOI_CLOCK", "")]);
        assert_eq!(empty.data_dir().unwrap(), Path::new("/home/u/.local/share/yoi"));
        assert_eq!(empty.pod().unwrap(), None);
        assert!(!empty.is_ci());
    }

    #[test]
    fn without_a_home_the_error_says_what_to_set() {
        let homeless = Environment::new(Vec::new(), Some("/".into()), None).unwrap();
        let failure = homeless.data_dir().unwrap_err();
        assert_eq!(failure.exit(), Exit::Environment);
        assert!(failure.render(crate::cli::Program::Plumbing).contains("YOI_DATA_DIR"));
    }

    #[test]
    fn paths_keep_their_bytes() {
        let path = OsString::from_vec(b"/d\xff".to_vec());
        let odd = Environment::new(vec![("YOI_DATA_DIR".into(), path)], None, None).unwrap();
        assert_eq!(odd.data_dir().unwrap().as_os_str().as_bytes(), b"/d\xff");
    }

    #[test]
    fn a_variable_that_is_no_such_thing_is_never_ignored() {
        let wrong = environment(&[("YOI_CLAIM_NONCE", "xyz"), ("YOI_CLAIM", "0"), ("YOI_TICKET_LOCK", "nine")]);
        assert_eq!(wrong.claim_nonce().unwrap_err().exit(), Exit::Usage);
        assert_eq!(wrong.claim().unwrap_err().exit(), Exit::Usage);
        assert_eq!(wrong.ticket_lock().unwrap_err().exit(), Exit::Usage);
        let raw = vec![("YOI_POD".into(), OsString::from_vec(vec![0xff]))];
        assert_eq!(Environment::new(raw, None, None).unwrap().pod().unwrap_err().exit(), Exit::Usage);
        let clock = vec![("YOI_CLOCK".into(), "noon".into())];
        assert_eq!(Environment::new(clock, None, None).unwrap_err().exit(), Exit::Usage);
    }

    #[test]
    fn a_descriptor_must_be_open_and_not_a_low_one() {
        let low = environment(&[("YOI_LAUNCHER", "2")]);
        assert!(low.launcher().unwrap_err().render(crate::cli::Program::Plumbing).contains("10 or above"));
        let closed = environment(&[("YOI_LAUNCHER", "987654")]);
        assert!(closed.launcher().unwrap_err().render(crate::cli::Program::Plumbing).contains("not open"));
    }

    #[test]
    fn a_descriptor_is_copied_and_stays_open() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let high = nix::fcntl::fcntl(&reader, nix::fcntl::FcntlArg::F_DUPFD_CLOEXEC(200)).unwrap();
        // SAFETY: fcntl just made this descriptor, and nothing else owns it.
        let high = unsafe { OwnedFd::from_raw_fd(high) };
        let number = high.as_raw_fd();
        let copy = environment(&[("YOI_LAUNCHER", &number.to_string())]).launcher().unwrap().unwrap();
        assert_ne!(copy.as_raw_fd(), number);
        drop(copy);
        assert!(Path::new(&format!("/proc/self/fd/{number}")).symlink_metadata().is_ok());
        let _raw = high.into_raw_fd();
    }

    #[test]
    fn the_clock_can_be_fixed() {
        let fixed = environment(&[("YOI_CLOCK", "2026-06-07T22:02:25.123456Z")]);
        assert_eq!(fixed.clock().now().to_string(), "2026-06-07T22:02:25.123456Z");
    }
}
