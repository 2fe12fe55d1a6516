"""Five frames read together by IQ-STAN, against single frames read apart and fused."""
