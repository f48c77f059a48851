// Package linear turns the text of a row into features and adds up what each
// says for each bucket. It is the inside of package classify, apart from it so
// that the program that trains the weights uses the very same features.
//
// A row has two sides: what was asked (instruction, input, and the turns of
// system, user and tool) and what was answered (output, the turns of the
// assistant). The beginning of each side is read, and the end of a long answer,
// where results and conclusions stand: at most [MaxText] bytes of a row.
//
// A side is cut into tokens:
//
//	word      run of letters in lower case; bytes from 80 up are letters
//	number    run of digits; only its length, up to 4, counts
//	symbols   run of up to 3 other visible bytes: ");", "==", "<<"
//	line      line break; broken further: the line is indented, or empty
//
// Every token and every pair of neighbours is a feature. A feature is a 32-bit
// hash; its upper bits choose a slot of the table, its lower 16 are compared
// with the slot's mark, so that a text's unknown words count for nothing
// instead of for the words they collide with. Besides, a side has counters
// (share of numbers, long words, short lines, ...; see [Counter]), each giving
// one of [levels] features by its size.
//
//	weights, little-endian; a row of them is a byte a bucket, 80 (hex) standing for 0
//
//	┌────────┬───────────┬────────────┬─────────┬───────────┬──────────────────────┬──────┐
//	│ "smc1" │ slot step │ shape step │ marks   │ rows      │ rows by side,        │ bias │
//	│        │ u32       │ u32        │ by slot │ by slot   │ counter, level       │ row  │
//	└────────┴───────────┴────────────┴─────────┴───────────┴──────────────────────┴──────┘
//	  4        4           4            2·Slots   8·Slots     8·2·counters·levels    8 bytes
//
// The evidence for a bucket, in 1/256 of a natural logarithm, is
//
//	slot step  · (sum over the distinct features found) / sqrt(found + smooth)
//	+ shape step · (sum over sides and counters, and bias)
//
// All of it is integers but for one square root and one division, which IEEE
// 754 rounds alike everywhere: the same text gives the same answer on any machine.
package linear
