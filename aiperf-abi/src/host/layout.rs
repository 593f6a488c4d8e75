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
        // Fields of tuples, for a prefix type is a tuple of one, and parameters without a name.
        .filter(|name| name.bytes().any(|byte| byte.is_ascii_alphabetic()))
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

#[cfg(test)]
mod tests {
    use abi_stable::StableAbi;
    use abi_stable::prefix_type::PrefixTypeTrait;

    use super::*;

    /// The same table in different versions.
    macro_rules! table {
        ($($(#[$expect:meta])? $version:ident { $($(#[$attribute:meta])* $field:ident: $type:ty),* })*) => {$(
            $(#[$expect])?
            mod $version {
                use abi_stable::StableAbi;

                #[repr(C)]
                #[derive(StableAbi)]
                #[sabi(kind(Prefix(prefix_ref = TableRef, prefix_fields = TablePrefix)))]
                pub(super) struct Table {
                    $($(#[$attribute])* pub(super) $field: $type,)*
                }
            }
        )*};
    }

    table! {
        #[expect(dead_code, reason = "it is written, and read as the next")]
        first { one: extern "C" fn(u32) -> u64, #[sabi(last_prefix_field)] two: u32 }
        appended { one: extern "C" fn(u32) -> u64, #[sabi(last_prefix_field)] two: u32, three: u64 }
        #[expect(dead_code, reason = "only its layout is looked at")]
        inserted { one: extern "C" fn(u32) -> u64, three: u64, #[sabi(last_prefix_field)] two: u32 }
        #[expect(dead_code, reason = "only its layout is looked at")]
        retyped { one: extern "C" fn(u64) -> u64, #[sabi(last_prefix_field)] two: u32 }
    }

    extern "C" fn one(x: u32) -> u64 {
        x.into()
    }

    #[test]
    fn a_library_without_the_fields_that_were_appended_fits() {
        let (old, new) = (first::TableRef::LAYOUT, appended::TableRef::LAYOUT);
        assert_eq!(check(old, old), Ok(()));
        assert_eq!(check(old, new), Ok(()));
        assert!(check(new, old).is_err(), "a library that is newer than the host");
    }

    #[test]
    fn what_an_older_library_lacks_is_seen_to_be_absent() {
        let old = first::Table { one, two: 2 }.leak_into_prefix();
        // SAFETY: the check above says that one is a prefix of the other; this is how the host reads a library's table.
        let read = unsafe { std::mem::transmute::<first::TableRef, appended::TableRef>(old) };
        assert_eq!(((read.one())(1), read.two(), read.three()), (1, 2, None));
        let new = appended::Table { one, two: 2, three: 3 }.leak_into_prefix();
        assert_eq!(new.three(), Some(3));
    }

    #[test]
    fn every_other_change_is_told_in_a_few_lines() {
        let ours = first::TableRef::LAYOUT;
        for (theirs, word) in [(inserted::TableRef::LAYOUT, "three"), (retyped::TableRef::LAYOUT, "u64")] {
            let lines = check(theirs, ours).unwrap_err();
            assert!(!lines.is_empty() && lines.len() <= LINES, "{lines:?}");
            assert!(lines.iter().any(|line| line.contains(word)), "{lines:?}");
        }
    }
}
