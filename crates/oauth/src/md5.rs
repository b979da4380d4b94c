//! MD5 (RFC 1321), broken as a hash, and here for one peer that derives keys with it.
//!
//! Naver signs and encrypts its unlink notices with the MD5 of the client secret as the key. The
//! secret is unguessable and nobody else chooses it, so collisions help no attacker. For anything
//! else use SHA-256; the cryptographic library has no MD5 on purpose.

/// How far each round turns its words (RFC 1321 §3.4).
const TURNS: [[u32; 4]; 4] = [
    [7, 12, 17, 22],
    [5, 9, 14, 20],
    [4, 11, 16, 23],
    [6, 10, 15, 21],
];

/// `floor(2^32 · |sin(i + 1)|)` (RFC 1321 §3.4).
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee, 0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501,
    0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be, 0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821,
    0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa, 0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8,
    0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed, 0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a,
    0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c, 0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70,
    0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05, 0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665,
    0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039, 0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1,
    0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1, 0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391,
];

/// The digest of `message`.
pub fn digest(message: &[u8]) -> [u8; 16] {
    // RFC 1321 §3.1, §3.2: one bit, zeros, then the length in bits as 64 bits.
    let mut padded = message.to_vec();
    padded.push(0x80);
    padded.resize(padded.len().next_multiple_of(64), 0);
    if message.len() % 64 >= 56 {
        padded.resize(padded.len() + 64, 0);
    }
    let end = padded.len() - 8;
    let bits = (message.len() as u64).wrapping_mul(8);
    padded[end..].copy_from_slice(&bits.to_le_bytes());

    let mut state = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded.chunks_exact(64) {
        state = mixed(state, block);
    }
    let mut digest = [0; 16];
    for (place, word) in digest.chunks_exact_mut(4).zip(state) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    digest
}

/// The state after one block of 64 bytes (RFC 1321 §3.4).
fn mixed(state: [u32; 4], block: &[u8]) -> [u32; 4] {
    let word = |index: usize| {
        let bytes = block[index * 4..].first_chunk();
        u32::from_le_bytes(*bytes.expect("a block has sixteen words"))
    };
    let [mut a, mut b, mut c, mut d] = state;
    for step in 0..64 {
        let (function, index) = match step / 16 {
            0 => ((b & c) | (!b & d), step),
            1 => ((b & d) | (c & !d), (5 * step + 1) % 16),
            2 => (b ^ c ^ d, (3 * step + 5) % 16),
            _ => (c ^ (b | !d), (7 * step) % 16),
        };
        let sum = a
            .wrapping_add(function)
            .wrapping_add(SINES[step])
            .wrapping_add(word(index));
        (a, d, c) = (d, c, b);
        b = b.wrapping_add(sum.rotate_left(TURNS[step / 16][step % 4]));
    }
    let [first, second, third, fourth] = state;
    [
        first.wrapping_add(a),
        second.wrapping_add(b),
        third.wrapping_add(c),
        fourth.wrapping_add(d),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expected: u128) {
        assert_eq!(
            digest(message.as_bytes()),
            expected.to_be_bytes(),
            "{message}"
        );
    }

    #[test]
    fn rfc1321_appendix_a5() {
        check("", 0xd41d_8cd9_8f00_b204_e980_0998_ecf8_427e);
        check("a", 0x0cc1_75b9_c0f1_b6a8_31c3_99e2_6977_2661);
        check("abc", 0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72);
        check("message digest", 0xf96b_697d_7cb7_938d_525a_2f31_aaf1_61d0);
        check(
            "abcdefghijklmnopqrstuvwxyz",
            0xc3fc_d3d7_6192_e400_7dfb_496c_ca67_e13b,
        );
        check(
            "12345678901234567890123456789012345678901234567890123456789012345678901234567890",
            0x57ed_f4a2_2be3_c955_ac49_da2e_2107_b67a,
        );
    }

    #[test]
    fn lengths_around_the_end_of_a_block() {
        // 56 bytes leave no room for the length, so that another block follows.
        check(&"a".repeat(55), 0xef17_72b6_dff9_a122_3585_5295_4ad0_df65);
        check(&"a".repeat(56), 0x3b0c_8ac7_03f8_28b0_4c6c_1970_06d1_7218);
        check(&"a".repeat(64), 0x0148_42d4_80b5_7149_5a4a_0363_793f_7367);
    }
}
