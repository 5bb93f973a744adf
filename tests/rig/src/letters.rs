//! Random letters and digits: ids and passwords.

/// So many of them; each has 5.9 bits.
pub(crate) fn random_letters(count: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = vec![0; count];
    getrandom::fill(&mut random).expect("the system has random numbers");
    let letter = |byte: &u8| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]);
    random.iter().map(letter).collect()
}
