//! Commands, features, limits, counters, events, constants and syndromes.

use super::{Found, names};
use crate::model::{Numbered, numbered, resolve};
use crate::schema::{At, Limit, Spec, Value, fits};

pub(super) fn check(spec: &Spec, found: &mut Found<'_>) {
    commands(spec, found);

    found.unique("feature name", names(&spec.feature, |f| &f.name));
    found.unique("feature bit", spec.feature.iter().map(|f| (f.bit, f.at())));
    for feature in spec.feature.iter().filter(|f| f.bit > 63) {
        found.add(
            feature.at(),
            format!("feature {} has bit {}: 0 to 63", feature.name, feature.bit),
        );
    }

    limits(spec, found);

    found.unique("counter name", names(&spec.counter, |c| &c.name));
    found.unique(
        "counter index",
        spec.counter.iter().map(|c| (c.index, c.at())),
    );

    found.unique("event name", names(&spec.event, |e| &e.name));
    found.unique("event code", spec.event.iter().map(|e| (e.code, e.at())));
    for event in &spec.event {
        if !spec.structs.iter().any(|s| s.name == event.payload) {
            found.add(
                event.at(),
                format!(
                    "event {} has the unknown payload struct {}",
                    event.name, event.payload
                ),
            );
        }
    }

    found.unique("constant", names(&spec.consts, |c| &c.name));
    for item in spec.consts.iter().filter(|c| !c.ty.fits(c.value)) {
        found.add(
            item.at(),
            format!(
                "constant {} = {:#x} does not fit {}",
                item.name,
                item.value,
                item.ty.name()
            ),
        );
    }

    found.unique("syndrome name", names(&spec.syndrome, |s| &s.name));
    found.unique(
        "syndrome value",
        spec.syndrome.iter().map(|s| (s.value, s.at())),
    );

    for list in numbered(spec) {
        agree(spec, &list, found);
    }
}

/// Where the specification writes out the enum of a table, both say the same.
fn agree(spec: &Spec, list: &Numbered, found: &mut Found<'_>) {
    let written = spec.enums.iter().find(|e| e.name == list.name);
    let repr = written.map_or(list.made.repr, |e| e.repr);
    for made in &list.made.values {
        if !repr.fits(made.value) {
            found.add(
                made.at(),
                format!(
                    "{} {} = {:#x} does not fit {}, a {}",
                    list.table,
                    made.name,
                    made.value,
                    list.name,
                    repr.name()
                ),
            );
        }
        let same = |v: &At<Value>| v.name == made.name && v.value == made.value;
        if let Some(written) = written
            && !written.values.iter().any(same)
        {
            found.add(
                made.at(),
                format!(
                    "{} {} = {:#x} is not in enum {} under that name and number",
                    list.table, made.name, made.value, list.name
                ),
            );
        }
    }
    let Some(written) = written else { return };
    for value in &written.values {
        if !list.made.values.iter().any(|made| made.name == value.name) {
            found.add(
                value.at(),
                format!(
                    "{}.{} has no [[{}]] table",
                    list.name, value.name, list.table
                ),
            );
        }
    }
}

fn commands(spec: &Spec, found: &mut Found<'_>) {
    found.unique("command name", names(&spec.command, |c| &c.name));
    found.unique("opcode", spec.command.iter().map(|c| (c.opcode, c.at())));
    let status = spec.enums.iter().find(|e| e.name == "Status");
    if status.is_none()
        && let Some(first) = spec.command.first()
    {
        found.add(
            first.at(),
            "commands answer a status, but there is no enum named Status".to_owned(),
        );
    }
    for command in &spec.command {
        for (role, name) in [
            ("request", &command.request),
            ("response", &command.response),
        ] {
            if !spec.structs.iter().any(|s| s.name == *name) {
                found.add(
                    command.at(),
                    format!(
                        "command {} has the unknown {role} struct {name}",
                        command.name
                    ),
                );
            }
        }
        found.unique(
            &format!("status of command {}", command.name),
            command.statuses.iter().map(|s| ((**s).clone(), s.at())),
        );
        for name in &command.statuses {
            if let Some(status) = status
                && !status.values.iter().any(|v| v.name == **name)
            {
                found.add(
                    name.at(),
                    format!(
                        "command {} names the unknown status {}",
                        command.name, **name
                    ),
                );
            }
        }
        if let Some(feature) = &command.feature
            && !spec.feature.iter().any(|f| f.name == *feature)
        {
            found.add(
                command.at(),
                format!(
                    "command {} needs the unknown feature {feature}",
                    command.name
                ),
            );
        }
    }
}

fn limits(spec: &Spec, found: &mut Found<'_>) {
    found.unique("limit", names(&spec.limit, |l| &l.name));
    for limit in &spec.limit {
        if limit.value < limit.minimum {
            found.add(
                limit.at(),
                format!(
                    "limit {}: the value {} is below the minimum {}",
                    limit.name, limit.value, limit.minimum
                ),
            );
        }
        if let Some(place) = &limit.reported_by {
            reported(spec, limit, place, found);
        }
    }
}

/// A limit is reported by a field, of a register or of a struct, that can hold it.
fn reported(spec: &Spec, limit: &At<Limit>, place: &str, found: &mut Found<'_>) {
    let width = place.split_once('.').and_then(|(owner, field)| {
        if let Some(register) = spec.register.iter().find(|r| r.name == owner) {
            let field = register.fields.iter().find(|f| f.name == field)?;
            return Some(field.bits.width());
        }
        let item = spec.structs.iter().find(|s| s.name == owner)?;
        let field = item.fields.iter().find(|f| f.name == field)?;
        let bytes = resolve(spec, &field.ty)?.size()?;
        Some(u32::try_from(bytes).unwrap_or(8).min(8) * 8)
    });
    match width {
        None => found.add(
            limit.at(),
            format!(
                "limit {} is reported by the unknown field {place}; written REGISTER.field or Struct.field",
                limit.name
            ),
        ),
        Some(bits) if !fits(limit.value, bits) => found.add(
            limit.at(),
            format!(
                "limit {} = {} does not fit {place}, which has {bits} bits",
                limit.name, limit.value
            ),
        ),
        Some(_) => {}
    }
}
