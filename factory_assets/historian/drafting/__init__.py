"""`factory init-plant`: a plant file drafted from exports, with a comment wherever a person must decide."""
