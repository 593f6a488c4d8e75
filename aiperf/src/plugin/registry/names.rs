//! Who has a name that several entries want: somebody's choice, then priority, then what is not built in, then who was
//! found first.

use std::collections::BTreeMap;

use super::{Choice, Entry, Registry, RegistryError, Rule, Standing};
use crate::plugin::category;
use crate::plugin::name;

impl Registry {
    /// Notes a decision about a name, in the place of an earlier one. It counts after [`Registry::settle`].
    pub(super) fn choose(
        &mut self,
        category: &str,
        name: &str,
        package: &str,
        rule: Rule,
    ) -> Result<(), RegistryError> {
        let winner = self.entry(category, name)?;
        let (category, wanted) = (winner.category.name.as_str(), winner.name.clone());
        let offering = self.list_implementations(category, &wanted)?.into_iter().map(|entry| entry.package.name());
        let Some(package) = offering.clone().find(|offering| name::same(offering, package)).map(str::to_owned) else {
            return Err(RegistryError::NotOffered {
                category,
                name: wanted,
                package: package.to_owned(),
                disabled: self.disabled.iter().any(|disabled| name::same(&disabled.name, package)),
                offering: offering.map(str::to_owned).collect(),
            });
        };
        self.choices.retain(|choice| choice.category != category || !name::same(&choice.name, &wanted));
        self.choices.push(Choice { category, name: wanted, package, rule });
        Ok(())
    }

    /// Decides every name anew, and puts the entries in order: by category, then name, the winner first.
    pub(super) fn settle(&mut self) {
        let place = |entry: &Entry| category::all().iter().position(|category| category.name == entry.category.name);
        let mut names: BTreeMap<_, Vec<Entry>> = BTreeMap::new();
        for entry in std::mem::take(&mut self.entries) {
            names.entry((place(&entry), name::fold(&entry.name))).or_default().push(entry);
        }
        self.contested.clear();
        for ((_, name), rivals) in names {
            let of = |choice: &&Choice| choice.category == rivals[0].category.name && name::fold(&choice.name) == name;
            let choice = self.choices.iter().find(of);
            self.entries.extend(decide(rivals, choice, &mut self.contested));
        }
    }
}

/// Settles who has a name that one or more entries want. The winner comes first.
fn decide(mut rivals: Vec<Entry>, choice: Option<&Choice>, contested: &mut Vec<String>) -> Vec<Entry> {
    rivals.sort_by_key(|entry| (entry.rank(), entry.package.order));
    if let Some(chosen) = choice.and_then(|choice| rivals.iter().position(|one| one.package.name() == choice.package)) {
        rivals[..=chosen].rotate_right(1);
    }
    let Some((winner, losers)) = rivals.split_first_mut() else { return rivals };
    let mut over = Vec::new();
    for loser in losers {
        let rule = match choice {
            Some(choice) => choice.rule,
            None if winner.priority != loser.priority => Rule::HigherPriority,
            None if winner.rank() != loser.rank() => Rule::ExternalBeatsBuiltin,
            None => Rule::FirstFound,
        };
        if rule == Rule::FirstFound {
            contested.push(format!(
                "`{}` and `{}` both offer {} `{}` with priority {}; the first is used, the other as `{}`",
                winner.package.name(),
                loser.package.name(),
                winner.category,
                winner.name,
                winner.priority,
                loser.class,
            ));
        }
        over.push(loser.rival(rule));
        loser.standing = Standing::Loses { to: winner.rival(rule) };
    }
    winner.standing = Standing::Wins { over };
    rivals
}
