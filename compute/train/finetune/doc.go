// Package finetune makes a better model of a model and examples, in one folder:
//
//	Open      the model, its tokenizer and its template
//	Tokenize  examples -> data/train, data/validation        made once, kept
//	Plan      steps, memory and time, measured on this machine; refuses what does not fit
//	Train     checkpoints/, metrics.jsonl, TensorBoard events, loss.svg
//	Write     adapter/, merged_model/, model.gguf; each is opened again and compared
//
// A folder is one run. Its run.json says what it was begun with and how far it came; the
// same call on the same folder goes on with it.
package finetune
