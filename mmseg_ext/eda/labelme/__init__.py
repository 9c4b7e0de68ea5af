"""LabelMe annotation files (https://github.com/wkentaro/labelme, 5.x and later) from masks, and masks from them."""
