//! NDIS_OID_REQUEST as checked slices.

use core::ptr;

use ndis_sys::ndis::*;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A value, or statistics.
    Query,
    /// A change.
    Set,
}

/// A request with its buffer.
pub struct Request {
    raw: *mut NDIS_OID_REQUEST,
    kind: Kind,
}

// SAFETY: the request is the driver's until it is completed, whichever thread has it.
unsafe impl Send for Request {}

impl Request {
    /// A query or a set; methods are nobody's but the NDK provider's.
    ///
    /// # Safety
    /// `raw` is NDIS's request, ours until it is completed, with a buffer of the length that it says.
    pub unsafe fn of(raw: *mut NDIS_OID_REQUEST) -> Option<Self> {
        // SAFETY: as promised.
        let kind = unsafe { (*raw).RequestType };
        let kind = if kind == NdisRequestQueryInformation || kind == NdisRequestQueryStatistics {
            Kind::Query
        } else if kind == NdisRequestSetInformation {
            Kind::Set
        } else {
            return None;
        };
        Some(Self { raw, kind })
    }

    /// What is asked.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The request again, for whoever ends it later.
    pub fn again(&self) -> Self {
        Self {
            raw: self.raw,
            kind: self.kind,
        }
    }

    // Queries and sets lie alike: Oid, InformationBuffer, InformationBufferLength, then two counts.
    fn fields(&self) -> OID_QUERY {
        // SAFETY: ours; both members of the union have this layout, which the layout test holds.
        unsafe { (*self.raw).DATA.QUERY_INFORMATION }
    }

    fn fields_mut(&mut self) -> &mut OID_QUERY {
        // SAFETY: as above.
        unsafe { &mut (*self.raw).DATA.QUERY_INFORMATION }
    }

    /// OID.
    pub fn oid(&self) -> u32 {
        self.fields().Oid
    }

    /// Bytes of the buffer.
    pub fn length(&self) -> usize {
        self.fields().InformationBufferLength as usize
    }

    /// The buffer of a set, read whole.
    pub fn input(&mut self) -> &[u8] {
        let fields = self.fields_mut();
        let length = fields.InformationBufferLength;
        if fields.InformationBuffer.is_null() || length == 0 {
            return &[];
        }
        fields.BytesWritten = length;
        // SAFETY: NDIS's buffer, ours with the request.
        unsafe {
            core::slice::from_raw_parts(fields.InformationBuffer.cast::<u8>(), length as usize)
        }
    }

    /// A 32-bit value that is set.
    pub fn input_u32(&mut self) -> Result<u32, NDIS_STATUS> {
        let bytes = self.input();
        match bytes.first_chunk() {
            Some(value) => Ok(u32::from_le_bytes(*value)),
            None => Err(self.needs(4)),
        }
    }

    /// A set needs so many bytes.
    pub fn needs(&mut self, bytes: u32) -> NDIS_STATUS {
        let fields = self.fields_mut();
        fields.BytesWritten = 0;
        fields.BytesNeeded = bytes;
        NDIS_STATUS_INVALID_LENGTH
    }

    /// Answers a query with a value, if it fits.
    pub fn answer<T: Copy>(&mut self, value: &T) -> NDIS_STATUS {
        // SAFETY: the value's bytes, as they are; copied without being looked at.
        unsafe { self.write(ptr::from_ref(value).cast(), size_of::<T>()) }
    }

    /// Answers a query with bytes.
    pub fn answer_bytes(&mut self, bytes: &[u8]) -> NDIS_STATUS {
        // SAFETY: a slice.
        unsafe { self.write(bytes.as_ptr(), bytes.len()) }
    }

    /// Answers with a count, of 64 bits where there is room, else of 32.
    pub fn answer_count(&mut self, count: u64) -> NDIS_STATUS {
        if self.length() >= 8 {
            return self.answer(&count);
        }
        let status = self.answer(&u32::try_from(count & 0xFFFF_FFFF).unwrap_or(0));
        self.fields_mut().BytesNeeded = 8;
        status
    }

    /// # Safety
    /// `from` has so many bytes.
    unsafe fn write(&mut self, from: *const u8, length: usize) -> NDIS_STATUS {
        let fields = self.fields_mut();
        let needed = u32::try_from(length).unwrap_or(u32::MAX);
        if fields.InformationBuffer.is_null() || fields.InformationBufferLength < needed {
            fields.BytesWritten = 0;
            fields.BytesNeeded = needed;
            return NDIS_STATUS_BUFFER_TOO_SHORT;
        }
        // SAFETY: both have so many bytes, and do not overlap.
        unsafe { ptr::copy_nonoverlapping(from, fields.InformationBuffer.cast::<u8>(), length) };
        fields.BytesWritten = needed;
        fields.BytesNeeded = 0;
        NDIS_STATUS_SUCCESS
    }

    /// Ends a request that was pending.
    pub fn complete(self, adapter: NDIS_HANDLE, status: NDIS_STATUS) {
        // SAFETY: NDIS's request, which returned pending and is completed once: `self` is consumed.
        unsafe { NdisMOidRequestComplete(adapter, self.raw, status) }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A request over a buffer.
    pub fn raw(kind: i32, oid: u32, buffer: &mut [u8]) -> NDIS_OID_REQUEST {
        // SAFETY: zeros are values of every field.
        let mut raw: NDIS_OID_REQUEST = unsafe { core::mem::zeroed() };
        raw.RequestType = kind;
        raw.DATA.QUERY_INFORMATION = OID_QUERY {
            Oid: oid,
            InformationBuffer: buffer.as_mut_ptr().cast(),
            InformationBufferLength: u32::try_from(buffer.len()).unwrap(),
            BytesWritten: 0,
            BytesNeeded: 0,
        };
        raw
    }

    #[test]
    fn short_buffers_are_told_how_much_is_needed() {
        let mut buffer = [0xAA; 3];
        let mut raw = raw(NdisRequestQueryInformation, OID_GEN_VENDOR_ID, &mut buffer);
        // SAFETY: valid.
        let mut request = unsafe { Request::of(&raw mut raw) }.unwrap();
        assert_eq!(request.answer(&5u32), NDIS_STATUS_BUFFER_TOO_SHORT);
        // SAFETY: the member in use.
        let query = unsafe { raw.DATA.QUERY_INFORMATION };
        assert_eq!((query.BytesWritten, query.BytesNeeded), (0, 4));
        assert_eq!(buffer, [0xAA; 3]);
    }

    #[test]
    fn counts_fit_the_buffer_that_there_is() {
        let mut buffer = [0; 4];
        let mut short = raw(NdisRequestQueryStatistics, OID_GEN_XMIT_OK, &mut buffer);
        // SAFETY: valid.
        let mut request = unsafe { Request::of(&raw mut short) }.unwrap();
        assert_eq!(request.answer_count(0x1_0000_0007), NDIS_STATUS_SUCCESS);
        // SAFETY: the member in use.
        let query = unsafe { short.DATA.QUERY_INFORMATION };
        assert_eq!((query.BytesWritten, query.BytesNeeded), (4, 8));
        assert_eq!(u32::from_le_bytes(buffer), 7);
        let mut buffer = [0; 8];
        let mut long = raw(NdisRequestQueryStatistics, OID_GEN_XMIT_OK, &mut buffer);
        // SAFETY: valid.
        let mut request = unsafe { Request::of(&raw mut long) }.unwrap();
        assert_eq!(request.answer_count(0x1_0000_0007), NDIS_STATUS_SUCCESS);
        assert_eq!(u64::from_le_bytes(buffer), 0x1_0000_0007);
    }

    #[test]
    fn a_set_that_is_too_short_changes_nothing() {
        let mut buffer = [1, 2];
        let mut raw = raw(
            NdisRequestSetInformation,
            OID_GEN_CURRENT_LOOKAHEAD,
            &mut buffer,
        );
        // SAFETY: valid.
        let mut request = unsafe { Request::of(&raw mut raw) }.unwrap();
        assert_eq!(request.input_u32(), Err(NDIS_STATUS_INVALID_LENGTH));
        // SAFETY: the member in use.
        let set = unsafe { raw.DATA.SET_INFORMATION };
        assert_eq!((set.BytesRead, set.BytesNeeded), (0, 4));
    }
}
