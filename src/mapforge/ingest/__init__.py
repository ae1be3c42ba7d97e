"""Logs into the drive store: MCAP, AV2 and KITTI raw, streamed, checked, quarantined."""
