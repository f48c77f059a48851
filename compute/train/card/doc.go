// Package card writes a model card: the README.md beside a trained model that says what it is, how it was
// made, what was measured and what was not, in Markdown with the front matter that Hugging Face's hub reads
// (hub docs, "Model Cards": base_model, base_model_relation, datasets, language, library_name, license,
// pipeline_tag, tags).
//
// Text from data, such as the names of buckets and sources, appears as it is and does nothing: in the
// front matter it is a double-quoted scalar, which YAML 1.2 (section 7.3.1) reads as JSON reads a string;
// in the text every character that has a meaning in CommonMark or in GitHub's tables is escaped; code is
// fenced by more backticks than it holds. Only an e-mail address becomes a link, which GitHub makes of
// one however it is escaped.
package card
