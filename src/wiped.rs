//! Memory that held a secret for a while and is overwritten before it is given back.
#![forbid(unsafe_code)]

/// Overwrites what is there. As quick as filling: this is done for each request.
pub(crate) fn wipe(bytes: &mut [u8]) {
    bytes.fill(0);
    // As far as the compiler knows somebody looks at the zeros, so they are really written.
    std::hint::black_box(bytes);
}

/// Makes a buffer larger, without leaving its old place behind as it was.
pub(crate) fn grow(buffer: &mut Vec<u8>, size: usize) {
    make_room(buffer, size);
    if size > buffer.len() {
        buffer.resize(size, 0);
    }
}

/// Room for as many bytes in all.
fn make_room(buffer: &mut Vec<u8>, size: usize) {
    if size > buffer.capacity() {
        let mut larger = Vec::with_capacity(size.max(2 * buffer.capacity()));
        larger.extend_from_slice(buffer);
        wipe(buffer);
        *buffer = larger;
    }
}

/// Bytes that are wiped when they go, and wherever they were while they grew.
#[derive(Default)]
pub(crate) struct Wiped(Vec<u8>);

impl Wiped {
    pub const fn new() -> Wiped {
        Wiped(Vec::new())
    }

    pub fn clear(&mut self) {
        wipe(&mut self.0);
        self.0.clear();
    }

    /// Makes room for as many bytes in all.
    pub fn reserve(&mut self, size: usize) {
        make_room(&mut self.0, size);
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let size = self.0.len() + bytes.len();
        make_room(&mut self.0, size);
        self.0.extend_from_slice(bytes);
    }
}

impl std::ops::Deref for Wiped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl std::fmt::Debug for Wiped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_kept_in_order_while_they_grow() {
        let mut bytes = Wiped::new();
        bytes.reserve(3);
        for i in 0..100u8 {
            bytes.push(&[i, i]);
        }
        assert!(bytes.len() == 200 && bytes[198..] == [99, 99]);
        bytes.clear();
        assert!(bytes.is_empty());
        assert_eq!(format!("{bytes:?}"), "***");
    }
}
