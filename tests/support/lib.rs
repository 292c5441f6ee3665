//! What tests share: builders and readers of cases.
