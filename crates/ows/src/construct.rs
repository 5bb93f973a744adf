//! What of the specification Flowmill does not run, in one table.

use std::fmt;

macro_rules! constructs {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $words:literal, $help:literal;)*) => {
        /// Something that the specification has and Flowmill does not run.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Construct {
            $($(#[$doc])* $variant,)*
        }

        impl Construct {
            /// Every construct, in the order of the reference.
            pub const ALL: &'static [Construct] = &[$(Construct::$variant,)*];

            /// The name as users see it.
            pub const fn name(self) -> &'static str {
                match self { $(Construct::$variant => $name,)* }
            }

            /// What it is, in words.
            pub const fn words(self) -> &'static str {
                match self { $(Construct::$variant => $words,)* }
            }

            /// What to do without it.
            pub const fn help(self) -> &'static str {
                match self { $(Construct::$variant => $help,)* }
            }
        }
    };
}

constructs! {
    /// `call: asyncapi`.
    CallAsyncApi = "call-asyncapi", "a call of an AsyncAPI operation",
        "emit and listen for events instead";
    /// `call: grpc`.
    CallGrpc = "call-grpc", "a gRPC call",
        "call the service over HTTP";
    /// `call: a2a`.
    CallA2a = "call-a2a", "a call of an agent (A2A)",
        "call the agent over HTTP";
    /// `call: mcp`.
    CallMcp = "call-mcp", "a call of a tool server (MCP)",
        "call the server over HTTP";
    /// A call of a function that is not in the document.
    CallCatalog = "call-catalog", "a call of a function of a catalog",
        "write the function into `use.functions`";
    /// A function that calls itself, directly or by way of others.
    RecursiveFunction = "recursive-function", "a function that calls itself",
        "repeat with a `for` task instead";
    /// `run.container`.
    RunContainer = "run-container", "a container to run",
        "run it behind an HTTP service, and call that";
    /// `run.script`.
    RunScript = "run-script", "a script to run",
        "write it as an expression, or call a service that runs it";
    /// `run.shell`.
    RunShell = "run-shell", "a shell command to run",
        "call a service that runs it";
    /// `digest` authentication.
    DigestAuthentication = "digest-authentication", "digest authentication",
        "use `basic` or `bearer`";
    /// `oauth2` authentication.
    OAuth2Authentication = "oauth2-authentication", "OAuth 2 authentication",
        "use `bearer` with a token from a secret";
    /// `oidc` authentication.
    OidcAuthentication = "oidc-authentication", "OpenID Connect authentication",
        "use `bearer` with a token from a secret";
    /// `$authorization` in an expression.
    AuthorizationVariable = "authorization-variable", "the variable `$authorization`",
        "remove it: what a worker authenticates with is not known to expressions, and is stored nowhere";
    /// `use.catalogs`.
    Catalogs = "catalogs", "a catalog of functions",
        "write the functions into `use.functions`";
    /// `use.extensions`.
    Extensions = "extensions", "an extension",
        "write what it does into the tasks";
    /// `schema.resource`.
    ExternalSchema = "external-schema", "a schema that stands elsewhere",
        "write the schema into `document`";
    /// `schema.format` other than JSON Schema 2020-12.
    SchemaFormat = "schema-format", "a schema of another format",
        "write JSON Schema 2020-12, and `format: json`";
    /// `schedule.every`.
    ScheduleEvery = "schedule-every", "a schedule with an interval",
        "have a scheduler start the workflow";
    /// `schedule.cron`.
    ScheduleCron = "schedule-cron", "a schedule with a cron expression",
        "have a scheduler start the workflow";
    /// `schedule.after`.
    ScheduleAfter = "schedule-after", "a schedule that starts anew after each end",
        "have a scheduler start the workflow";
    /// `schedule.on`.
    ScheduleOn = "schedule-on", "a schedule on events",
        "start the workflow when the events come, or listen for them in a task";
    /// `evaluate.language` other than jq.
    Language = "language", "an expression language other than jq",
        "write the expressions in jq";
    /// `evaluate.mode: loose`.
    LooseMode = "loose-mode", "the loose evaluation of expressions",
        "put `${ }` around expressions, and remove `mode`";
    /// A duration of years or months.
    CalendarDuration = "calendar-duration", "a duration of years or months",
        "write days: years and months differ in length";
}

impl fmt::Display for Construct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = include_str!("../../../docs/reference/open-workflow.md");

    #[test]
    fn the_reference_lists_every_construct_and_no_other() {
        let rows = REFERENCE.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("| `")?.split_once("` | refused | ")?;
            Some((name, rest.trim_end_matches(" |")))
        });
        let expect: Vec<_> =
            Construct::ALL.iter().map(|construct| (construct.name(), construct.words())).collect();
        assert_eq!(rows.collect::<Vec<_>>(), expect);
    }
}
