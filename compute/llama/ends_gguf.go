package llama

import (
	"slices"

	"smelt/compute/tensorfile"
)

// ggufEnds returns the tokens that end a text when the model of a GGUF file runs: those it
// has keys for, which are given, and such as are called like one. Many files lack keys for
// all of them, so llama.cpp goes by the names, too, and this follows it (special_eog_ids in
// its src/llama-vocab.cpp), save in two things: of several tokens with names of one kind of
// filler it takes that which its hash table has first, and this the one of the lowest id;
// and this has no default for the key eos, which would be a comma in most vocabularies.
func ggufEnds(f *tensorfile.File, keyed []int32) []int32 {
	k := keys{file: f}
	tokens, _ := k.value("tokenizer.ggml.tokens").Strings()
	ends := slices.Clone(keyed)
	var fillers [3]bool // found
	for i, name := range []string{"fim_pad", "fim_rep", "fim_sep"} {
		if id, ok := k.id(name); ok && int(id) < len(tokens) {
			ends, fillers[i] = append(ends, id), true
		}
	}
	for id, text := range tokens {
		filler := fillerNamed(text)
		if endNamed(text) || filler >= 0 && !fillers[filler] {
			ends = append(ends, int32(id))
		}
		if filler >= 0 {
			fillers[filler] = true
		}
	}
	slices.Sort(ends[len(keyed):])
	return distinct(ends, tokens)
}

// distinct leaves each token once, and takes out those that are ordinary text in a
// vocabulary with certain others.
func distinct(ends []int32, tokens []string) []int32 {
	name := func(id int32) string {
		if int(id) < len(tokens) {
			return tokens[id]
		}
		return ""
	}
	has := map[string]bool{}
	for _, id := range ends {
		has[name(id)] = true
	}
	calls := has["<|call|>"] || has["<|calls|>"]
	var kept []int32
	for _, id := range ends {
		switch name(id) {
		case "<|end|>": // of a part of an answer
			if calls && (has["<|return|>"] || has["<|flush|>"]) {
				continue
			}
		case "</s>":
			if has["<|tool_response>"] || has["<|plamo:eos|>"] {
				continue
			}
		}
		if !slices.Contains(kept, id) {
			kept = append(kept, id)
		}
	}
	return kept
}

// endNamed tells whether a token is called like one that ends a text or a turn.
func endNamed(text string) bool {
	switch text {
	case "<|eot_id|>", "<|im_end|>", "<|end|>", "<|return|>", "<|call|>", "<|flush|>", "<|calls|>", "<end_of_turn>",
		"<|endoftext|>", "</s>", "<|eom_id|>", "<EOT>", "_<EOT>", "[EOT]", "[EOS]", "<|end_of_text|>", "<end_of_utterance>",
		"<eos>", "<turn|>", "<|tool_response>", "<｜end▁of▁sentence｜>", "[e~[":
		return true
	}
	return false
}

// fillerNamed tells which of the fillers of code completion (padding, repository, file) a
// token is called like, or -1. A text goes on beyond none of them.
func fillerNamed(text string) int {
	switch text {
	case "<|fim_pad|>", "<fim-pad>", "<fim_pad>", "<PAD>", "[PAD]":
		return 0
	case "<|fim_repo|>", "<|repo_name|>", "<fim-repo>", "<REPO>", "<reponame>":
		return 1
	case "<|file_sep|>":
		return 2
	}
	return -1
}
