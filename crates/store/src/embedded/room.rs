//! Whether the disk has room for what is about to be written.

use std::path::Path;

use flowmill_model::limits;

/// Whether `bytes` more can be written in the folder of `file`, with a reserve left. A file system
/// that does not say has room.
pub(super) fn is_there_for(bytes: usize, file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let Ok(disk) = rustix::fs::statvfs(folder.unwrap_or(Path::new("."))) else {
        return true;
    };
    let available = disk.f_bavail.saturating_mul(disk.f_frsize);
    available >= limits::STORE_RESERVE_BYTES.saturating_add(bytes as u64)
}
