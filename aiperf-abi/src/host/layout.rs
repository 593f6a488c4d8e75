//! Compares the layout of everything that crosses, and says in a few lines what differs.

use abi_stable::abi_stability::abi_checking::{
    AbiInstability, AbiInstabilityError, AbiInstabilityErrors, check_layout_compatibility,
};
use abi_stable::type_layout::{TLFieldOrFunction, TypeLayout};

/// Differences told; a reordered struct can have hundreds.
const LINES: usize = 5;

/// Names of a path told at each end.
const PATH_ENDS: usize = 2;

/// Checks that a library's layout is that of an equal or older minor version of ours.
///
/// abi_stable's own check asks whether the library has everything the host knows, which turns away older libraries. What
/// is needed is the reverse: the host has everything the library knows. Its later fields are then absent in the library,
/// and the accessors of prefix types see that.
///
/// # Errors
/// What differs, a line each.
pub(crate) fn check(theirs: &'static TypeLayout, ours: &'static TypeLayout) -> Result<(), Vec<String>> {
    check_layout_compatibility(theirs, ours).map_err(|errors| lines(&errors))
}

fn lines(errors: &AbiInstabilityErrors) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for error in &errors.errors {
        let path = path(error);
        for what in &error.errs {
            let line = format!("{path}: {}", difference(what));
            if !all.contains(&line) {
                all.push(line);
            }
        }
    }
    let more = all.len().saturating_sub(LINES);
    if more > 0 {
        all.truncate(LINES - 1);
        all.push(format!("and {} more differences", more + 1));
    }
    all
}

fn path(error: &AbiInstabilityError) -> String {
    let names: Vec<String> = error
        .stack_trace
        .iter()
        .map(|step| match &step.found {
            TLFieldOrFunction::Field(field) => field.name().to_owned(),
            TLFieldOrFunction::Function(function) => format!("{}()", function.name),
        })
        .collect();
    match names.len() {
        0 => "the root module".to_owned(),
        n if n <= 2 * PATH_ENDS => names.join(" > "),
        n => format!("{} > … > {}", names[..PATH_ENDS].join(" > "), names[n - PATH_ENDS..].join(" > ")),
    }
}

/// "Expected" is the library here, "found" is the host, because the check goes that way round.
fn difference(what: &AbiInstability) -> String {
    use AbiInstability as Is;
    let two = |kind: &str, library: &dyn std::fmt::Display, host: &dyn std::fmt::Display| {
        format!("{kind}: the library has {library}, aiperf has {host}")
    };
    match what {
        Is::Name(v) => two("type", &v.expected, &v.found),
        Is::Package(v) => two("crate", &v.expected, &v.found),
        Is::PackageVersion(v) => two("version", &v.expected, &v.found),
        Is::Size(v) => two("size", &v.expected, &v.found),
        Is::Alignment(v) => two("alignment", &v.expected, &v.found),
        Is::FieldCountMismatch(v) => two("number of fields", &v.expected, &v.found),
        Is::MismatchedPrefixSize(v) => two("number of fields of the first version", &v.expected, &v.found),
        Is::TooManyVariants(v) => two("number of variants", &v.expected, &v.found),
        Is::UnexpectedField(v) => two("field", &v.expected.name(), &v.found.name()),
        Is::UnexpectedVariant(v) => two("variant", &v.expected, &v.found),
        Is::GenericParamCount(v) => two("generic parameters", &v.expected, &v.found),
        other => {
            let words = format!("{other:?}");
            words.split(['(', '{', ' ']).next().unwrap_or_default().to_owned()
        }
    }
}
