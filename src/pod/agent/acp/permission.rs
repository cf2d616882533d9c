//! Which option of a request for permission a policy means.

use crate::domain::{OptionKind, Permissions};
use crate::pod::protocol::PermissionOption;

/// The option that fits: the one that binds least, by what it means and never by where it stands.
pub(super) fn fitting(decision: Permissions, options: &[PermissionOption]) -> Option<&PermissionOption> {
    let kinds = match decision {
        Permissions::Allow => [OptionKind::AllowOnce, OptionKind::AllowAlways],
        Permissions::Reject => [OptionKind::RejectOnce, OptionKind::RejectAlways],
        Permissions::Ask => return None,
    };
    kinds.into_iter().find_map(|kind| options.iter().find(|option| option.kind == kind))
}

/// The id of an option.
pub(super) fn id(option: PermissionOption) -> String {
    option.id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(kinds: &[OptionKind]) -> Vec<PermissionOption> {
        let option = |kind: &OptionKind| PermissionOption { id: kind.to_string(), name: "yes".into(), kind: *kind };
        kinds.iter().map(option).collect()
    }

    #[test]
    fn an_option_is_chosen_by_what_it_means_in_any_order() {
        use OptionKind::{AllowAlways, AllowOnce, RejectAlways, RejectOnce};
        let chosen = |decision, kinds: &[OptionKind]| fitting(decision, &options(kinds)).map(|option| option.kind);
        let mut kinds = [AllowOnce, AllowAlways, RejectOnce, RejectAlways];
        for turn in 0..4 {
            kinds.rotate_left(1);
            if turn % 2 == 1 {
                kinds.reverse();
            }
            assert_eq!(chosen(Permissions::Allow, &kinds), Some(AllowOnce));
            assert_eq!(chosen(Permissions::Reject, &kinds), Some(RejectOnce));
        }
        assert_eq!(chosen(Permissions::Allow, &[RejectOnce, AllowAlways]), Some(AllowAlways));
        assert_eq!(chosen(Permissions::Reject, &[AllowOnce, RejectAlways]), Some(RejectAlways));
        assert_eq!(chosen(Permissions::Reject, &[AllowOnce, AllowAlways]), None, "never the other thing");
        assert_eq!(chosen(Permissions::Allow, &[]), None);
    }
}
