-- A catalogue that changes as a whole counts its version up once, and not once for each product.
drop trigger catalog_row_changes on product;
drop trigger catalog_changes on product;
create trigger catalog_changes after insert or delete or update of sku, category, price on product
    for each statement execute function catalog_changes();
create trigger catalog_row_changes after update on product
    for each row when ((old.available > 0) <> (new.available > 0)) execute function catalog_changes();

-- Looked for at a statement's end: of products that are put together one may take another's sku.
alter table product drop constraint product_sku_once,
    add constraint product_sku_once unique (sku) deferrable;
