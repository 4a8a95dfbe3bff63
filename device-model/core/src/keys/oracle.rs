//! The table against a plain model: every object in a list, every check written out again from
//! the clauses, no index structure.

use proptest::prelude::*;
use rnic_abi::{AccessFlags, BeginMrRequest, BindSegment, FastRegisterSegment};

use super::*;
use crate::testing::Guest;

const PAGE: u64 = 4096;
const BASE: u64 = 0x7000_0000_0000;

#[derive(Clone, Debug)]
enum Kind {
    Region {
        valid: bool,
        fast: bool,
    },
    Window {
        second: bool,
        bound: Option<(u32, u32)>,
    },
    Privileged,
}

#[derive(Clone, Debug)]
struct Thing {
    pd: u32,
    key: u32,
    base: u64,
    length: u64,
    access: u32,
    kind: Kind,
}

#[derive(Default)]
struct Model {
    things: Vec<Thing>,
}

type Verdict = Result<(), ProviderError>;

impl Model {
    fn at(&self, index: u32) -> Option<&Thing> {
        self.things.iter().find(|thing| thing.key >> 8 == index)
    }

    fn at_mut(&mut self, index: u32) -> Option<&mut Thing> {
        self.things.iter_mut().find(|thing| thing.key >> 8 == index)
    }

    /// [MEM-3]
    fn find(&self, key: u32) -> Result<&Thing, ProviderError> {
        let thing = self.at(key >> 8).ok_or(ProviderError::KEY_NOT_FOUND)?;
        if thing.key == key {
            Ok(thing)
        } else {
            Err(ProviderError::KEY_STALE)
        }
    }

    fn inside(thing: &Thing, address: u64, length: u64) -> Verdict {
        if u128::from(address) + u128::from(length) > 1 << 64 {
            return Err(ProviderError::WRAP);
        }
        let end = u128::from(address) + u128::from(length);
        if address < thing.base || end > u128::from(thing.base) + u128::from(thing.length) {
            return Err(ProviderError::RANGE);
        }
        Ok(())
    }

    fn local(&self, pd: u32, key: u32, address: u64, length: u64, write: bool) -> Verdict {
        let thing = self.find(key)?;
        if thing.pd != pd {
            return Err(ProviderError::KEY_WRONG_DOMAIN);
        }
        match thing.kind {
            Kind::Privileged if u128::from(address) + u128::from(length) > 1 << 64 => {
                Err(ProviderError::WRAP)
            }
            Kind::Privileged => Ok(()),
            Kind::Window { .. } => Err(ProviderError::RIGHT_MISSING),
            Kind::Region { valid: false, .. } => Err(ProviderError::KEY_FREE),
            Kind::Region { .. } if write && thing.access & 1 == 0 => {
                Err(ProviderError::RIGHT_MISSING)
            }
            Kind::Region { .. } => Self::inside(thing, address, length),
        }
    }

    fn remote(&self, pd: u32, qpn: u32, key: u32, address: u64, length: u64, bit: u32) -> Verdict {
        let thing = self.find(key)?;
        match &thing.kind {
            Kind::Privileged => Err(ProviderError::KEY_PRIVILEGED),
            _ if thing.pd != pd => Err(ProviderError::KEY_WRONG_DOMAIN),
            Kind::Region { valid: false, .. } | Kind::Window { bound: None, .. } => {
                Err(ProviderError::KEY_FREE)
            }
            Kind::Window {
                second: true,
                bound: Some((_, by)),
            } if *by != qpn => Err(ProviderError::KEY_WRONG_QP),
            _ if thing.access & bit == 0 => Err(ProviderError::RIGHT_MISSING),
            _ => Self::inside(thing, address, length),
        }
    }

    fn bound_to(&self, index: u32) -> bool {
        self.things.iter().any(
            |thing| matches!(thing.kind, Kind::Window { bound: Some((region, _)), .. } if region == index),
        )
    }

    fn invalidate(&mut self, pd: u32, qpn: u32, key: u32) -> Verdict {
        let thing = self.find(key)?.clone();
        let verdict = match &thing.kind {
            Kind::Privileged => Err(ProviderError::KEY_PRIVILEGED),
            _ if thing.pd != pd => Err(ProviderError::KEY_WRONG_DOMAIN),
            Kind::Region { fast: false, .. } | Kind::Window { second: false, .. } => {
                Err(ProviderError::INVALIDATE_REFUSED)
            }
            Kind::Region { valid: false, .. } | Kind::Window { bound: None, .. } => {
                Err(ProviderError::KEY_FREE)
            }
            Kind::Region { .. } if self.bound_to(key >> 8) => Err(ProviderError::KEY_BOUND),
            Kind::Window {
                bound: Some((_, by)),
                ..
            } if *by != qpn => Err(ProviderError::KEY_WRONG_QP),
            _ => Ok(()),
        };
        verdict?;
        match &mut self.at_mut(key >> 8).unwrap().kind {
            Kind::Region { valid, .. } => *valid = false,
            Kind::Window { bound, .. } => *bound = None,
            Kind::Privileged => unreachable!(),
        }
        Ok(())
    }

    fn register(&mut self, pd: u32, key: u32, base: u64, length: u64, access: u32) -> Verdict {
        let thing = self.at(key >> 8).ok_or(ProviderError::KEY_NOT_FOUND)?;
        match thing.kind {
            Kind::Privileged => return Err(ProviderError::KEY_PRIVILEGED),
            Kind::Region { fast: true, .. } => (),
            _ => return Err(ProviderError::KEY_NOT_FOUND),
        }
        if thing.pd != pd {
            return Err(ProviderError::KEY_WRONG_DOMAIN);
        }
        if matches!(thing.kind, Kind::Region { valid: true, .. }) {
            return Err(ProviderError::KEY_IN_USE);
        }
        if length == 0 {
            return Err(ProviderError::ZERO_LENGTH);
        }
        if base % PAGE + length > 2 * PAGE {
            return Err(ProviderError::RANGE);
        }
        if access & 0b1100 != 0 && access & 1 == 0 {
            return Err(ProviderError::RIGHT_MISSING);
        }
        let thing = self.at_mut(key >> 8).unwrap();
        *thing = Thing {
            pd,
            key,
            base,
            length,
            access,
            kind: Kind::Region {
                valid: true,
                fast: true,
            },
        };
        Ok(())
    }

    #[allow(clippy::too_many_arguments)]
    fn bind(
        &mut self,
        pd: u32,
        qpn: u32,
        key: u32,
        region: u32,
        base: u64,
        length: u64,
        access: u32,
    ) -> Verdict {
        let window = self.at(key >> 8).ok_or(ProviderError::KEY_NOT_FOUND)?;
        let (second, bound) = match window.kind {
            Kind::Privileged => return Err(ProviderError::KEY_PRIVILEGED),
            Kind::Region { .. } => return Err(ProviderError::KEY_NOT_FOUND),
            Kind::Window { second, bound } => (second, bound),
        };
        if window.pd != pd {
            return Err(ProviderError::KEY_WRONG_DOMAIN);
        }
        if second && bound.is_some() {
            return Err(ProviderError::KEY_IN_USE);
        }
        let unbind = length == 0 && !second;
        if !unbind {
            let target = self.find(region)?;
            match target.kind {
                Kind::Privileged => return Err(ProviderError::KEY_PRIVILEGED),
                Kind::Window { .. } => return Err(ProviderError::KEY_NOT_FOUND),
                Kind::Region { .. } if target.pd != pd => {
                    return Err(ProviderError::KEY_WRONG_DOMAIN);
                }
                Kind::Region { valid: false, .. } => return Err(ProviderError::KEY_FREE),
                Kind::Region { .. } => (),
            }
            let writes = access & 0b1100 != 0;
            if target.access & 16 == 0 || writes && target.access & 1 == 0 || access & 0b10001 != 0
            {
                return Err(ProviderError::RIGHT_MISSING);
            }
            if length == 0 {
                return Err(ProviderError::ZERO_LENGTH);
            }
            Self::inside(target, base, length)?;
        }
        let window = self.at_mut(key >> 8).unwrap();
        window.key = key;
        (window.base, window.length, window.access) = (base, length, access);
        window.kind = Kind::Window {
            second,
            bound: (!unbind).then_some((region >> 8, qpn)),
        };
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Region {
        pd: u32,
        access: u32,
        commit: bool,
    },
    Fast {
        pd: u32,
    },
    Window {
        pd: u32,
        second: bool,
    },
    Destroy {
        pick: usize,
    },
    Register {
        pd: u32,
        pick: usize,
        offset: u64,
        length: u64,
        access: u32,
        variant: u8,
    },
    Bind {
        pd: u32,
        qpn: u32,
        pick: usize,
        region: usize,
        offset: u64,
        length: u64,
        access: u32,
        variant: u8,
    },
    Invalidate {
        pd: u32,
        qpn: u32,
        pick: usize,
        twist: u8,
    },
    EndQp {
        qpn: u32,
    },
    Access {
        pd: u32,
        qpn: u32,
        pick: usize,
        twist: u8,
        offset: u64,
        length: u64,
        right: u8,
    },
}

fn access() -> impl Strategy<Value = u32> {
    0u32..32
}

fn offset() -> impl Strategy<Value = u64> {
    prop_oneof![
        0u64..2 * PAGE + 2,
        Just(BASE.wrapping_neg() - 5),
        Just(BASE.wrapping_neg())
    ]
}

fn length() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0u64), 1u64..2 * PAGE + 2, Just(u64::from(u32::MAX))]
}

fn step() -> impl Strategy<Value = Step> {
    let (pd, qpn, pick) = (1u32..3, 10u32..12, any::<usize>());
    prop_oneof![
        2 => (pd.clone(), access(), any::<bool>())
            .prop_map(|(pd, access, commit)| Step::Region { pd, access, commit }),
        2 => pd.clone().prop_map(|pd| Step::Fast { pd }),
        2 => (pd.clone(), any::<bool>()).prop_map(|(pd, second)| Step::Window { pd, second }),
        1 => pick.prop_map(|pick| Step::Destroy { pick }),
        4 => (pd.clone(), pick, 0u64..PAGE, length(), access(), any::<u8>()).prop_map(
            |(pd, pick, offset, length, access, variant)| Step::Register {
                pd, pick, offset, length: length.min(u64::from(u32::MAX)), access, variant,
            }
        ),
        6 => (pd.clone(), qpn.clone(), pick, pick, offset(), length(), access(), any::<u8>())
            .prop_map(|(pd, qpn, pick, region, offset, length, access, variant)| Step::Bind {
                pd, qpn, pick, region, offset, length, access, variant,
            }),
        3 => (pd.clone(), qpn.clone(), pick, 0u8..8).prop_map(|(pd, qpn, pick, twist)| {
            Step::Invalidate { pd, qpn, pick, twist }
        }),
        1 => qpn.clone().prop_map(|qpn| Step::EndQp { qpn }),
        10 => (pd, qpn, pick, 0u8..8, offset(), length(), 0u8..5).prop_map(
            |(pd, qpn, pick, twist, offset, length, right)| Step::Access {
                pd, qpn, pick, twist, offset, length, right,
            }
        ),
    ]
}

/// A key that exists, most of the time.
fn chosen(model: &Model, pick: usize, twist: u8) -> u32 {
    if model.things.is_empty() {
        return 0x100;
    }
    let key = model.things[pick % model.things.len()].key;
    match twist {
        6 => key ^ 1,
        7 => key.wrapping_add(100 << 8),
        _ => key,
    }
}

fn region_request(pd: u32, access: u32) -> BeginMrRequest {
    let mut request = BeginMrRequest::zeroed();
    request.pd.set(pd);
    request.set_access(AccessFlags(access));
    request.base.set(BASE);
    request.length.set(2 * PAGE);
    request.page_count.set(2);
    request.log_page_bytes = 12;
    request
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    // [MEM-1] [MEM-3] [MEM-5] [MEM-12] [MEM-13] [MEM-14] [MEM-15] [MEM-16] [MEM-17] [MEM-20]
    // [MEM-21] [MEM-22] [MEM-23] [MEM-24]
    #[test]
    fn every_verdict_agrees_with_the_model(steps in proptest::collection::vec(step(), 1..120)) {
        let mut guest = Guest::with_bytes(1 << 20);
        let list = guest.alloc(PAGE);
        guest.write_u64(list, 0x20_0000);
        guest.write_u64(list + 8, 0x30_0000);
        let dma = guest.space();
        let mut keys = Keys::new(KeyLimits { distance: 3, mrs: 64, mws: 64, pds: 4, pages: 4096 });
        let mut model = Model::default();
        for pd in 1..3 {
            let (handle, key) = keys.create_domain(true).unwrap();
            prop_assert_eq!(handle, pd);
            model.things.push(Thing {
                pd, key: key.unwrap().0, base: 0, length: 0, access: 0, kind: Kind::Privileged,
            });
        }
        for step in steps {
            match step {
                Step::Region { pd, access, commit } => {
                    let request = region_request(pd, access);
                    let contradicts = access & 0b1100 != 0 && access & 1 == 0;
                    let Ok(request) = RegionRequest::check(&request) else {
                        prop_assert!(contradicts);
                        continue;
                    };
                    prop_assert!(!contradicts);
                    let key = keys.begin_region(request).unwrap();
                    if commit {
                        let mut add = rnic_abi::AddMrPagesRequest::zeroed();
                        add.key.set(key.0);
                        add.count.set(2);
                        add.list.set(list);
                        keys.add_pages(&dma, &add).unwrap();
                        keys.commit_region(key.0, 0).unwrap();
                    }
                    model.things.push(Thing {
                        pd, key: key.0, base: BASE, length: 2 * PAGE, access,
                        kind: Kind::Region { valid: commit, fast: false },
                    });
                }
                Step::Fast { pd } => {
                    let key = keys.create_fast_region(pd, 2).unwrap();
                    model.things.push(Thing {
                        pd, key: key.0, base: 0, length: 0, access: 0,
                        kind: Kind::Region { valid: false, fast: true },
                    });
                }
                Step::Window { pd, second } => {
                    let kind = if second { WindowKind::Type2 } else { WindowKind::Type1 };
                    let key = keys.create_window(pd, kind).unwrap();
                    model.things.push(Thing {
                        pd, key: key.0, base: 0, length: 0, access: 0,
                        kind: Kind::Window { second, bound: None },
                    });
                }
                Step::Destroy { pick } => {
                    let key = chosen(&model, pick, 0);
                    let thing = model.at(key >> 8).unwrap().clone();
                    let gone = match thing.kind {
                        Kind::Privileged => {
                            prop_assert!(keys.destroy_region(key, 0).is_err());
                            prop_assert!(keys.destroy_window(key, 0).is_err());
                            false
                        }
                        Kind::Window { .. } => {
                            keys.destroy_window(key, 0).unwrap();
                            true
                        }
                        Kind::Region { .. } => {
                            let busy = model.bound_to(key >> 8);
                            prop_assert_eq!(keys.destroy_region(key ^ 1, 0).is_err(), busy);
                            !busy
                        }
                    };
                    if gone {
                        model.things.retain(|thing| thing.key != key);
                    }
                }
                Step::Register { pd, pick, offset, length, access, variant } => {
                    let key = chosen(&model, pick, 0) & !0xFF | u32::from(variant);
                    let mut work = FastRegisterSegment::zeroed();
                    work.base.set(BASE + offset);
                    work.page_list.set(list);
                    work.length.set(u32::try_from(length).unwrap());
                    work.page_count.set(2);
                    work.key.set(key);
                    work.set_access(AccessFlags(access));
                    let verdict = keys.fast_register(&dma, pd, &work).map_err(|r| r.error);
                    prop_assert_eq!(
                        verdict,
                        model.register(pd, key, BASE + offset, length, access)
                    );
                }
                Step::Bind { pd, qpn, pick, region, offset, length, access, variant } => {
                    let key = chosen(&model, pick, 0) & !0xFF | u32::from(variant);
                    let region = chosen(&model, region, 0);
                    let mut work = BindSegment::zeroed();
                    work.address.set(BASE.wrapping_add(offset));
                    work.length.set(length);
                    work.window_key.set(key);
                    work.region_key.set(region);
                    work.set_access(AccessFlags(access));
                    let verdict = keys.bind(pd, qpn, &work).map_err(|r| r.error);
                    let base = BASE.wrapping_add(offset);
                    prop_assert_eq!(
                        verdict,
                        model.bind(pd, qpn, key, region, base, length, access)
                    );
                }
                Step::Invalidate { pd, qpn, pick, twist } => {
                    let key = chosen(&model, pick, twist);
                    prop_assert_eq!(
                        keys.invalidate(pd, qpn, key),
                        model.invalidate(pd, qpn, key)
                    );
                }
                Step::EndQp { qpn } => {
                    keys.release_windows(qpn);
                    for thing in &mut model.things {
                        match &mut thing.kind {
                            Kind::Window { second: true, bound } if bound.is_some_and(|(_, by)| by == qpn) => {
                                *bound = None;
                            }
                            _ => (),
                        }
                    }
                }
                Step::Access { pd, qpn, pick, twist, offset, length, right } => {
                    let key = chosen(&model, pick, twist);
                    let address = BASE.wrapping_add(offset);
                    let (verdict, expected) = match right {
                        0 | 1 => {
                            let local = if right == 1 { LocalRight::Write } else { LocalRight::Read };
                            (
                                keys.check_local(pd, key, address, length, local),
                                model.local(pd, key, address, length, right == 1),
                            )
                        }
                        _ => {
                            let (remote, bit) = [
                                (RemoteRight::Read, 2),
                                (RemoteRight::Write, 4),
                                (RemoteRight::Atomic, 8),
                            ][usize::from(right) - 2];
                            let expected = if length == 0 {
                                Ok(())
                            } else {
                                model.remote(pd, qpn, key, address, length, bit)
                            };
                            (
                                keys.check_remote(pd, qpn, key, address, length, remote),
                                expected,
                            )
                        }
                    };
                    prop_assert_eq!(verdict.map(|_| ()).map_err(|r| r.error), expected);
                    if let Ok(extent) = verdict {
                        let total: u64 = extent.ranges().map(|range| range.len).sum();
                        prop_assert_eq!(total, length);
                    }
                }
            }
        }
    }
}
