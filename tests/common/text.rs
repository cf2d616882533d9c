//! Output that can be compared.

/// Replaces moments by `TIME` and random values by their kind: `HASH` (16 digits), `NONCE` (32), `SHA256` (64).
pub fn normalise(text: &str) -> String {
    let mut normal = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(length) = moment(rest) {
            normal.push_str("TIME");
            rest = &rest[length..];
            continue;
        }
        let word = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        normal.push_str(random(&rest[..word]));
        // The character behind the word goes with it; a word of no length is that character.
        let end = rest[word..].chars().next().map_or(word, |c| word + c.len_utf8());
        normal.push_str(&rest[word..end]);
        rest = &rest[end..];
    }
    normal
}

fn random(word: &str) -> &str {
    let digits = word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match (digits, word.len()) {
        (true, 16) => "HASH",
        (true, 32) => "NONCE",
        (true, 64) => "SHA256",
        _ => word,
    }
}

/// The length of a moment in RFC 3339 form, in UTC, at the start of a text.
fn moment(text: &str) -> Option<usize> {
    const FORM: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    let fits = |(byte, form): (&u8, &u8)| if *form == b'0' { byte.is_ascii_digit() } else { byte == form };
    if bytes.len() <= FORM.len() || !bytes.iter().zip(FORM).all(fits) {
        return None;
    }
    let fraction = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
    let end = FORM.len() + bytes[FORM.len()..].iter().take_while(fraction).count();
    (bytes.get(end) == Some(&b'Z')).then_some(end + 1)
}
