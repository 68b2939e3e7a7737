//! What several tests share: tables of exact values, the accuracy rule, a naive oracle.
#![allow(missing_docs, unreachable_pub, dead_code)] // each test uses its own part
#![allow(clippy::panic)] // a damaged table ends the test

pub mod judge;
pub mod reference;
pub mod table;
