//! A worker on a log in memory, whose time stands still unless somebody waits for it.

mod ending;
mod picking_up;
mod reporting;
mod rig;
mod running;
