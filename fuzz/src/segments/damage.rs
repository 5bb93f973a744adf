//! What happens to the files.

use arbitrary::{Result, Unstructured};
use crc32c::{crc32c, crc32c_append};

use super::image::{FIRST_ENTRY, Files, HEAD, Image, frames};

/// What was done.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// Whether checksums were made anew.
    pub(super) forged: bool,
    /// In words, shown when a check fails.
    steps: Vec<String>,
}

/// Damages some files.
pub(super) fn damage(
    files: &mut Files,
    image: &Image,
    bytes: &mut Unstructured<'_>,
) -> Result<Done> {
    let mut done = Done::default();
    for _ in 0..bytes.int_in_range(1..=3)? {
        let names: Vec<_> = files.keys().cloned().collect();
        let Some(name) = bytes.choose_iter(names.iter()).ok().cloned() else { break };
        let step = damage_one(files, &name, image, bytes)?;
        done.forged |= step.starts_with("forged");
        done.steps.push(format!("{name}: {step}"));
    }
    Ok(done)
}

fn damage_one(
    files: &mut Files,
    name: &str,
    image: &Image,
    bytes: &mut Unstructured<'_>,
) -> Result<String> {
    let others: Vec<_> = image.files.keys().collect();
    let other = image.files[*bytes.choose(&others)?].clone();
    let kind = bytes.int_in_range(0..=9)?;
    if kind == 0 {
        files.remove(name);
        return Ok("removed".to_owned());
    }
    let file = files.get_mut(name).expect("it was listed");
    if kind == 1 {
        *file = other;
        return Ok("another file".to_owned());
    }
    let at = place(file, bytes)?;
    let count = bytes.int_in_range(1..=256)?;
    let end = file.len().min(at + count);
    Ok(match kind {
        2 | 3 if at < file.len() => {
            let bit = bytes.int_in_range(0..=7)?;
            file[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        }
        4 => {
            let with = bytes.arbitrary()?;
            file[at..end].fill(with);
            format!("{at} to {end} filled with {with}")
        }
        5 => {
            file.truncate(at);
            format!("cut at {at}")
        }
        6 => {
            let end = end.min(other.len());
            let from = at.min(end);
            file[from..end].copy_from_slice(&other[from..end]);
            format!("{from} to {end} of another file")
        }
        7 => {
            file.resize(file.len() + count, bytes.arbitrary()?);
            format!("{count} bytes longer")
        }
        8 if file.len() >= 12 => {
            file[8..12].copy_from_slice(&bytes.arbitrary::<u32>()?.to_le_bytes());
            "another version".to_owned()
        }
        _ => forge(file, &image.files["meta"], bytes)?,
    })
}

/// A place in a file, more often one that means something.
fn place(file: &[u8], bytes: &mut Unstructured<'_>) -> Result<usize> {
    let frames = frames(file);
    let near = *bytes.choose(&frames)?;
    let at = match bytes.int_in_range(0..=3)? {
        0 => bytes.int_in_range(0..=FIRST_ENTRY)?,
        1 => bytes.int_in_range(0..=file.len())?,
        _ => near + bytes.int_in_range(0..=40)?,
    };
    Ok(at.min(file.len()))
}

/// Changes the body of a frame, and makes its checksums anew. Not of the first one: the positions in
/// it are taken at their word, and memory is made for as many records as they name.
fn forge(file: &mut [u8], meta: &[u8], bytes: &mut Unstructured<'_>) -> Result<String> {
    let frames = frames(file);
    let which = 1 + bytes.choose_index(frames.len())?;
    let (Some(&at), Some(&end)) = (frames.get(which), frames.get(which + 1)) else {
        return Ok("nothing".to_owned());
    };
    let body = &mut file[at + HEAD..end];
    crate::damage::damage(body, bytes)?;
    let body_crc = crc32c(body);
    let salt = crc32c_append(crc32c(&meta[16..32]), &file[12..16]);
    let head = &mut file[at..at + HEAD];
    head[4..8].copy_from_slice(&body_crc.to_le_bytes());
    let position = u32::try_from(at).expect("a segment is small").to_le_bytes();
    let crc = crc32c_append(crc32c_append(salt, &head[..12]), &position);
    head[12..].copy_from_slice(&crc.to_le_bytes());
    Ok(format!("forged the frame at {at}"))
}
