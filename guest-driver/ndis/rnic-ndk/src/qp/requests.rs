//! Work requests of a queue pair, and what their completions mean.
#![forbid(unsafe_code)]

use ndis_sys::ndk::*;
use rnic_abi::{Segment, WorkFlags, WorkOpcode};
use rnic_driver_core::{Data, Key, Operation, Remote, Violation, Wc, WorkRequest};

use super::{Completion, Qp};
use crate::System;
use crate::cq::Cq;
use crate::mr::{FastPages, Mr};
use crate::mw::Mw;
use crate::pd::Pd;
use crate::post::{Received, serial_of, stamp};
use crate::raw::{Context, Hold, Object};
use crate::status::{of_completion, provider_code};

impl<S: System> Qp<S> {
    /// Entries of an initiator request that the queue was made for.
    pub(crate) fn most_segments(&self) -> u32 {
        self.sizes.initiator_sge
    }

    /// Entries of a receive that the queue was made for; none when receives come from a shared queue.
    pub(crate) fn most_receive_segments(&self) -> Option<u32> {
        self.srq.is_none().then_some(self.sizes.receive_sge)
    }

    /// Pages of any fast registration.
    pub(crate) fn most_fast_pages(&self) -> u32 {
        self.nic().limits().fast_register_pages.get()
    }

    /// NdkReceive.
    pub fn receive(&self, context: Context, list: &[Segment]) -> NTSTATUS {
        let mut receives = self.receives.lock();
        let Some(receives) = receives.as_mut() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        receives.post(self.nic(), self.serial, context, list)
    }

    /// Posts an initiator request, if `flags` are among `allowed`.
    fn initiate(
        &self,
        context: Context,
        kind: NDK_OPERATION_TYPE,
        operation: Operation<'_>,
        (flags, allowed): (u32, u32),
    ) -> NTSTATUS {
        let mut initiator = self.initiator.lock();
        let Some(initiator) = initiator.as_mut() else {
            return STATUS_INVALID_DEVICE_STATE;
        };
        if flags & !allowed != 0 {
            return initiator.refuse(self.nic(), STATUS_INVALID_PARAMETER);
        }
        if !self.is_connected() {
            return initiator.refuse(self.nic(), STATUS_CONNECTION_INVALID);
        }
        let request = WorkRequest {
            context: stamp(self.serial, 0),
            operation,
            flags: WorkFlags::default()
                .with_silent(flags & NDK_OP_FLAG_SILENT_SUCCESS != 0)
                .with_fence(flags & NDK_OP_FLAG_READ_FENCE != 0)
                .with_solicited(flags & NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT != 0),
        };
        let defer = flags & NDK_OP_FLAG_DEFER != 0;
        initiator.post(self.nic(), &request, (context, kind), defer)
    }

    /// Refuses a request before it is one, handing over what was deferred.
    pub fn refuse(&self, status: NTSTATUS) -> NTSTATUS {
        match self.initiator.lock().as_mut() {
            Some(initiator) => initiator.refuse(self.nic(), status),
            None => status,
        }
    }

    const COMMON: u32 = NDK_OP_FLAG_SILENT_SUCCESS | NDK_OP_FLAG_READ_FENCE | NDK_OP_FLAG_DEFER;
    const SENDS: u32 = Self::COMMON | NDK_OP_FLAG_SEND_AND_SOLICIT_EVENT | NDK_OP_FLAG_INLINE;

    /// NdkSend.
    pub fn send(&self, context: Context, data: Data<'_>, flags: u32) -> NTSTATUS {
        self.initiate(
            context,
            NdkOperationTypeSend,
            Operation::Send(data),
            (flags, Self::SENDS),
        )
    }

    /// NdkSendAndInvalidate.
    pub fn send_and_invalidate(
        &self,
        context: Context,
        data: Data<'_>,
        flags: u32,
        token: u32,
    ) -> NTSTATUS {
        let operation = Operation::SendInvalidate(data, Key(token));
        self.initiate(
            context,
            NdkOperationTypeSend,
            operation,
            (flags, Self::SENDS),
        )
    }

    /// NdkWrite.
    pub fn write(&self, context: Context, data: Data<'_>, remote: Remote, flags: u32) -> NTSTATUS {
        let allowed = Self::COMMON | NDK_OP_FLAG_INLINE;
        self.initiate(
            context,
            NdkOperationTypeWrite,
            Operation::Write(data, remote),
            (flags, allowed),
        )
    }

    /// NdkRead.
    pub fn read(&self, context: Context, list: &[Segment], remote: Remote, flags: u32) -> NTSTATUS {
        let allowed = Self::COMMON | NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE;
        let operation = if flags & NDK_OP_FLAG_RDMA_READ_LOCAL_INVALIDATE != 0 {
            Operation::ReadInvalidate(list, remote)
        } else {
            Operation::Read(list, remote)
        };
        self.initiate(context, NdkOperationTypeRead, operation, (flags, allowed))
    }

    /// NdkFastRegister.
    pub fn fast_register(
        &self,
        context: Context,
        mr: &Object<Mr<S>>,
        pages: &FastPages<'_>,
        flags: u32,
    ) -> NTSTATUS {
        let allowed = Self::COMMON
            | NDK_OP_FLAG_ALLOW_REMOTE_READ
            | NDK_OP_FLAG_ALLOW_REMOTE_WRITE
            | NDK_OP_FLAG_RDMA_READ_SINK;
        if flags & !allowed != 0 || !core::ptr::eq(&*self.pd, &*mr.body().pd) {
            return self.refuse(STATUS_INVALID_PARAMETER);
        }
        if !self.is_connected() {
            return self.refuse(STATUS_CONNECTION_INVALID);
        }
        let progress = match self.initiator.lock().as_ref() {
            Some(initiator) => (
                self.serial,
                initiator.queue.next_index(),
                initiator.queue.retired(),
            ),
            None => return STATUS_INVALID_DEVICE_STATE,
        };
        match mr.body().fast_register(pages, flags, progress) {
            Ok(register) => {
                let operation = Operation::FastRegister(register);
                let rights = NDK_OP_FLAG_ALLOW_REMOTE_READ
                    | NDK_OP_FLAG_ALLOW_REMOTE_WRITE
                    | NDK_OP_FLAG_RDMA_READ_SINK;
                let flags = flags & !rights;
                self.initiate(
                    context,
                    NdkOperationTypeFastRegister,
                    operation,
                    (flags, Self::COMMON),
                )
            }
            Err(status) => self.refuse(status),
        }
    }

    /// NdkBind.
    pub fn bind(
        &self,
        context: Context,
        (mr, mw): (&Object<Mr<S>>, &Object<Mw<S>>),
        (address, length): (u64, u64),
        flags: u32,
    ) -> NTSTATUS {
        let rights = NDK_OP_FLAG_ALLOW_REMOTE_READ | NDK_OP_FLAG_ALLOW_REMOTE_WRITE;
        let ours = |pd: &Hold<Pd<S>>| core::ptr::eq(&*self.pd, &**pd);
        if flags & !(Self::COMMON | rights) != 0 || !ours(&mr.body().pd) || !ours(&mw.body().pd) {
            return self.refuse(STATUS_INVALID_PARAMETER);
        }
        if !self.is_connected() {
            return self.refuse(STATUS_CONNECTION_INVALID);
        }
        let bind = match mw.body().bind(mr, (address, length), flags) {
            Ok(bind) => bind,
            Err(status) => return self.refuse(status),
        };
        let operation = Operation::Bind(bind);
        let status = self.initiate(
            context,
            NdkOperationTypeBind,
            operation,
            (flags & !rights, Self::COMMON),
        );
        if status == STATUS_SUCCESS {
            mw.body().bound(mr, bind.window);
        }
        status
    }

    /// NdkInvalidate of a fast-register region.
    pub fn invalidate_region(&self, context: Context, mr: &Object<Mr<S>>, flags: u32) -> NTSTATUS {
        match mr.body().fast_key() {
            Some(key) => self.invalidate(context, key, flags),
            None => self.refuse(STATUS_INVALID_PARAMETER),
        }
    }

    /// NdkInvalidate of a window.
    pub fn invalidate_window(&self, context: Context, mw: &Object<Mw<S>>, flags: u32) -> NTSTATUS {
        match mw.body().key() {
            Some(key) => {
                let status = self.invalidate(context, key, flags);
                if status == STATUS_SUCCESS {
                    mw.body().unbound();
                }
                status
            }
            None => self.refuse(STATUS_INVALID_PARAMETER),
        }
    }

    fn invalidate(&self, context: Context, key: Key, flags: u32) -> NTSTATUS {
        let operation = Operation::LocalInvalidate(key);
        self.initiate(
            context,
            NdkOperationTypeInvalidate,
            operation,
            (flags, Self::COMMON),
        )
    }

    /// Of a device that failed: the next request that it left behind and that completes on `cq`. Each is given once, as
    /// flushed. (ndkpi.md 6.4, 6.7)
    pub(crate) fn left_behind(&self, cq: &Cq<S>) -> Option<Completion> {
        let initiated = if core::ptr::eq(&*self.initiator_cq, cq) {
            let mut initiator = self.initiator.lock();
            initiator.as_mut().and_then(|queue| queue.left_behind())
        } else {
            None
        };
        let (request_context, kind) = match initiated {
            Some(request) => request,
            None if core::ptr::eq(&*self.receive_cq, cq) => {
                let context = self.receives.lock().as_mut()?.left_behind()?;
                (context, NdkOperationTypeReceive)
            }
            None => return None,
        };
        Some(Completion {
            status: STATUS_CANCELLED,
            bytes: 0,
            qp_context: self.context,
            request_context,
            kind,
            provider_code: 0,
            invalidated: None,
        })
    }

    /// What a completion of ours means; `None` if it is of a queue that is gone, or of no request of ours.
    pub(crate) fn completed(&self, wc: &Wc) -> Option<Completion> {
        let (request_context, kind, room) = if wc.is_receive() {
            let Received { context, room } = match &self.srq {
                Some(srq) => srq.completed(wc)?,
                None if serial_of(wc.context) == self.serial => self
                    .receives
                    .lock()
                    .as_mut()?
                    .completed(wc.index, wc.retired)?,
                None => return None,
            };
            let kind = if wc.is_ok() && wc.invalidated().is_some() {
                NdkOperationTypeReceiveAndInvalidate
            } else {
                NdkOperationTypeReceive
            };
            (context, kind, room)
        } else {
            if serial_of(wc.context) != self.serial {
                return None;
            }
            let (context, kind) = self
                .initiator
                .lock()
                .as_mut()?
                .completed(wc.index, wc.retired)?;
            (context, kind, 0)
        };
        let invalidated = if kind == NdkOperationTypeReceiveAndInvalidate {
            wc.invalidated().map(|key| key.0)
        } else {
            None
        };
        let mut status = of_completion(wc.status, wc.is_receive());
        let mut bytes = match wc.opcode {
            // NDK has no such thing, but a peer may: its bytes went elsewhere.
            WorkOpcode::WRITE_IMMEDIATE => 0,
            _ if wc.is_receive() && wc.is_ok() => wc.byte_count,
            _ => 0,
        };
        if bytes > room {
            // A consumer would read what is not its message, or not its memory.
            self.provider()
                .system()
                .device_broke_a_rule(Violation::ByteCount.into());
            (status, bytes) = (STATUS_INTERNAL_ERROR, 0);
        }
        Some(Completion {
            status,
            bytes,
            qp_context: self.context,
            request_context,
            kind,
            provider_code: provider_code(wc.status, wc.error),
            invalidated,
        })
    }
}
