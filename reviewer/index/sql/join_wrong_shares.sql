-- How often flags of the same kind (model, option, predicted label, tenth of confidence) turned out wrong, for each
-- of `flags`; null where none was reviewed.
left join wrong_shares as shares on shares.kind = flags.kind
