//! What several tests share: tables of exact values, the accuracy rule, a naive oracle.
#![allow(missing_docs, unreachable_pub, dead_code)] // each test uses its own part

pub mod budget;
pub mod joint;
pub mod judge;
pub mod reference;
pub mod table;
