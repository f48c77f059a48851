// Package tensorboard writes scalars to a TensorBoard event file, and goes on with one after a run was
// interrupted.
//
// # Format
//
// The file is a sequence of records, each an Event in protobuf's wire format. Numbers of the frame are
// little-endian.
//
//	8 bytes  n, the length of the event
//	4 bytes  masked CRC-32C of those 8 bytes
//	n bytes  the event
//	4 bytes  masked CRC-32C of the event
//
//	masked(crc) = (crc>>15 | crc<<17) + 0xa282ead8      modulo 2^32
//
//	Event    1 wall_time     double   seconds since 1970
//	         2 step          int64    left out if 0
//	         3 file_version  string   "brain.Event:2", in the first record and in no other
//	         5 summary       Summary
//	Summary  1 value         Value    repeated
//	Value    1 tag           string   "loss/train"; what stands before a slash groups charts
//	         2 simple_value  float
//
// The source of the frame is tensorflow/core/lib/io/record_writer.h and lib/hash/crc32c.h, that of the
// messages tensorboard/compat/proto/event.proto and summary.proto.
//
// # Interrupted runs
//
// A run that is resumed at step s has written events beyond s, and a killed one may have written half a
// record. TensorBoard stops at a broken record and draws a step that comes twice as a zigzag. Append
// removes both. So that this is cutting the file at one place, steps never decrease within it.
package tensorboard
