//! What is claimed of types is true: of pairs that are written out, of the examples in the
//! documentation, of hostile schemas, and of generated ones.

mod choices;
mod hostile;
mod page;
mod properties;
mod relations;
mod schemas;
mod values;
