//! Random bytes of the operating system.

/// Gives 16 random bytes.
///
/// # Panics
/// When the kernel has no random bytes to give, which no supported system does once it has booted.
pub fn random_bytes() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel gives random bytes once it has booted");
    bytes
}

/// Gives 16 hexadecimal digits for the name of a temporary file.
pub fn random_suffix() -> String {
    let [a, b, c, d, e, f, g, h, ..] = random_bytes();
    format!("{:016x}", u64::from_be_bytes([a, b, c, d, e, f, g, h]))
}
