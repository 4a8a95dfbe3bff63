//! Walks driver frames by the image's own unwind data (.pdata, .xdata).
//!
//! `unsafe` reads the stack of the thread that asks.

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{Module, ModuleSectionInfo, Unwinder};
use object::{Object, ObjectSection};

use super::Image;

/// Where a walk begins.
#[derive(Clone, Copy, Debug)]
pub struct Start {
    /// Return address, or the address that faulted.
    pub ip: u64,
    /// Stack pointer there.
    pub sp: u64,
    /// Register RBP there.
    pub bp: u64,
}

struct Sections<'a>(object::File<'a>);

impl ModuleSectionInfo<Vec<u8>> for Sections<'_> {
    fn base_svma(&self) -> u64 {
        self.0.relative_address_base()
    }
    fn section_svma_range(&mut self, name: &[u8]) -> Option<std::ops::Range<u64>> {
        let section = self.0.section_by_name_bytes(name)?;
        Some(section.address()..section.address() + section.size())
    }
    fn section_data(&mut self, name: &[u8]) -> Option<Vec<u8>> {
        let section = self.0.section_by_name_bytes(name)?;
        section.data().ok().map(<[u8]>::to_vec)
    }
}

/// Unwinds frames of one image.
pub struct Walker {
    unwinder: UnwinderX86_64<Vec<u8>>,
    range: std::ops::Range<usize>,
}

impl Walker {
    /// Reads the image's unwind data.
    pub fn new(image: &Image) -> Option<Self> {
        let file = object::File::parse(&*image.file).ok()?;
        let mut unwinder = UnwinderX86_64::new();
        let base = image.base as u64;
        let range = base..base + image.size as u64;
        unwinder.add_module(Module::new(image.name.clone(), range, base, Sections(file)));
        Some(Self {
            unwinder,
            range: image.base..image.base + image.size,
        })
    }

    /// Addresses of driver frames, innermost first, until the first frame outside the image.
    pub fn walk(&self, start: Start, frames: &mut [usize]) -> usize {
        thread_local! {
            static CACHE: std::cell::RefCell<CacheX86_64> = std::cell::RefCell::new(CacheX86_64::new());
        }
        let limit = crate::thread::stack_end();
        let mut read = |address: u64| {
            // The stack grows down: what the walk may read lies between the stack pointer and the stack's end.
            if address < start.sp || address as usize + 8 > limit || !address.is_multiple_of(8) {
                return Err(());
            }
            // SAFETY: inside this thread's own stack, above the stack pointer.
            Ok(unsafe { (address as *const u64).read() })
        };
        CACHE.with_borrow_mut(|cache| {
            let registers = UnwindRegsX86_64::new(start.ip, start.sp, start.bp);
            let mut walk = self
                .unwinder
                .iter_frames(start.ip, registers, cache, &mut read);
            let mut count = 0;
            while count < frames.len() {
                let Ok(Some(frame)) = walk.next() else { break };
                let address = frame.address_for_lookup() as usize;
                if !self.range.contains(&address) {
                    break;
                }
                frames[count] = address;
                count += 1;
            }
            count
        })
    }
}
