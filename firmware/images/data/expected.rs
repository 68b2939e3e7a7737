pub const F32: Scores = Scores { errors: 16, checksum: 0x06fccd48 };
pub const F16: Scores = Scores { errors: 16, checksum: 0x717e4790 };
pub const I8: Scores = Scores { errors: 16, checksum: 0x51e451a5 };
// Mean losses: [1.4184408, 1.276094, 1.1900978].
pub const TRAINING: Training =
    Training { parameters: 0x053f5e18, losses: [
    0x3fb58f78,
    0x3fa3570c,
    0x3f985520,
] };
