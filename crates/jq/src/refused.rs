//! What jq has and this language has not, because it looks outside the value at hand.

/// Names that are refused, each with the reason that a user sees.
const NAMES: [(&str, &str); 19] = [
    ("now", "there is no clock in expressions: use $runtime or pass the time in the input"),
    ("localtime", "there is no time zone in expressions: use gmtime"),
    ("strflocaltime", "there is no time zone in expressions: use strftime"),
    ("env", "there is no environment in expressions: pass the value in the input"),
    ("ENV", "there is no environment in expressions: pass the value in the input"),
    ("halt", "an expression cannot end the process: use error"),
    ("halt_error", "an expression cannot end the process: use error"),
    ("debug", "an expression cannot write to the log: leave it out"),
    ("stderr", "an expression cannot write to the log: leave it out"),
    ("input", "an expression sees one value only: use `.` or $input"),
    ("inputs", "an expression sees one value only: use `.` or $input"),
    ("input_filename", "an expression reads no files"),
    ("input_line_number", "an expression reads no files"),
    ("import", "expressions have no modules: write the function out with `def`"),
    ("include", "expressions have no modules: write the function out with `def`"),
    ("module", "expressions have no modules: write the function out with `def`"),
    ("modulemeta", "expressions have no modules"),
    ("get_search_list", "expressions have no modules"),
    ("__prog_args", "expressions have no arguments"),
];

/// Why `name`, without its `$`, is not there.
pub(crate) fn why(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(refused, _)| *refused == name).map(|(_, why)| *why)
}
