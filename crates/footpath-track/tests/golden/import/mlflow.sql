-- Made by make.py with mlflow 3.17.2
PRAGMA foreign_keys = OFF;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('dc11669786a5');
CREATE TABLE "datasets" (
	dataset_uuid VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	digest VARCHAR(36) NOT NULL, 
	dataset_source_type VARCHAR(36) NOT NULL, 
	dataset_source TEXT NOT NULL, 
	dataset_schema TEXT, 
	dataset_profile TEXT, 
	CONSTRAINT dataset_pk PRIMARY KEY (experiment_id, name, digest), 
	CONSTRAINT fk_datasets_experiment_id_experiments FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "datasets" VALUES('7c77767968a24c9fa8631ae30ba644e3',1,'town','d1','local','{"uri": "town"}',NULL,NULL);
CREATE TABLE "experiments" (
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	artifact_location VARCHAR(256), 
	lifecycle_stage VARCHAR(32), 
	creation_time BIGINT, 
	last_update_time BIGINT, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT experiment_pk PRIMARY KEY (experiment_id), 
	CONSTRAINT experiments_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT uq_experiments_workspace_name UNIQUE (workspace, name)
);
INSERT INTO "experiments" VALUES(0,'Default','./mlruns/0','active',1795900207785,1795900207785,'default');
INSERT INTO "experiments" VALUES(1,'tiles','mlflow-artifacts:/tiles','active',1795900207804,1795900207804,'default');
CREATE TABLE input_tags (
	input_uuid VARCHAR(36) NOT NULL, 
	name VARCHAR(255) NOT NULL, 
	value VARCHAR(500) NOT NULL, 
	CONSTRAINT input_tags_pk PRIMARY KEY (input_uuid, name)
);
INSERT INTO "input_tags" VALUES('d73e671e29174807843913f09270e014','mlflow.data.context','training');
CREATE TABLE inputs (
	input_uuid VARCHAR(36) NOT NULL, 
	source_type VARCHAR(36) NOT NULL, 
	source_id VARCHAR(36) NOT NULL, 
	destination_type VARCHAR(36) NOT NULL, 
	destination_id VARCHAR(36) NOT NULL, step BIGINT DEFAULT '0' NOT NULL, 
	CONSTRAINT inputs_pk PRIMARY KEY (source_type, source_id, destination_type, destination_id)
);
INSERT INTO "inputs" VALUES('d73e671e29174807843913f09270e014','DATASET','7c77767968a24c9fa8631ae30ba644e3','RUN','first',0);
INSERT INTO "inputs" VALUES('84ca79d7696144a2829bebd9f4526920','RUN_OUTPUT','first','MODEL_OUTPUT','m-unet',3);
INSERT INTO "inputs" VALUES('03a754b3613645e38ef0a6c0e4a33d3c','RUN_INPUT','cab9bbc4c88a44ddae4f0d5765765eb5','MODEL_INPUT','m-unet',0);
CREATE TABLE logged_model_metrics (
	model_id VARCHAR(36) NOT NULL, 
	metric_name VARCHAR(500) NOT NULL, 
	metric_timestamp_ms BIGINT NOT NULL, 
	metric_step BIGINT NOT NULL, 
	metric_value FLOAT, 
	experiment_id INTEGER NOT NULL, 
	run_id VARCHAR(32) NOT NULL, 
	dataset_uuid VARCHAR(36), 
	dataset_name VARCHAR(500), 
	dataset_digest VARCHAR(36), 
	CONSTRAINT logged_model_metrics_pk PRIMARY KEY (model_id, metric_name, metric_timestamp_ms, metric_step, run_id), 
	CONSTRAINT fk_logged_model_metrics_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_metrics_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE, 
	CONSTRAINT fk_logged_model_metrics_run_id FOREIGN KEY(run_id) REFERENCES runs (run_uuid) ON DELETE CASCADE
);
INSERT INTO "logged_model_metrics" VALUES('m-unet','iou',1700000000000,0,0.5,1,'first',NULL,'town','d1');
INSERT INTO "logged_model_metrics" VALUES('m-unet','iou',1700000000001,1,0.6,1,'first',NULL,'town','d1');
INSERT INTO "logged_model_metrics" VALUES('m-unet','iou',1700000000002,2,0.7,1,'first',NULL,'town','d1');
CREATE TABLE logged_model_params (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	param_key VARCHAR(255) NOT NULL, 
	param_value TEXT NOT NULL, 
	CONSTRAINT logged_model_params_pk PRIMARY KEY (model_id, param_key), 
	CONSTRAINT fk_logged_model_params_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_params_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
INSERT INTO "logged_model_params" VALUES('m-unet',1,'depth','34');
CREATE TABLE logged_model_tags (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	tag_key VARCHAR(255) NOT NULL, 
	tag_value TEXT NOT NULL, 
	CONSTRAINT logged_model_tags_pk PRIMARY KEY (model_id, tag_key), 
	CONSTRAINT fk_logged_model_tags_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CONSTRAINT fk_logged_model_tags_model_id FOREIGN KEY(model_id) REFERENCES logged_models (model_id) ON DELETE CASCADE
);
INSERT INTO "logged_model_tags" VALUES('m-unet',1,'kind','best');
CREATE TABLE logged_models (
	model_id VARCHAR(36) NOT NULL, 
	experiment_id INTEGER NOT NULL, 
	name VARCHAR(500) NOT NULL, 
	artifact_location VARCHAR(1000) NOT NULL, 
	creation_timestamp_ms BIGINT NOT NULL, 
	last_updated_timestamp_ms BIGINT NOT NULL, 
	status INTEGER NOT NULL, 
	lifecycle_stage VARCHAR(32), 
	model_type VARCHAR(500), 
	source_run_id VARCHAR(32), 
	status_message VARCHAR(1000), 
	CONSTRAINT logged_models_pk PRIMARY KEY (model_id), 
	CONSTRAINT logged_models_lifecycle_stage_check CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT fk_logged_models_experiment_id FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id) ON DELETE CASCADE
);
INSERT INTO "logged_models" VALUES('m-unet',1,'unet','mlflow-artifacts:/tiles/models/m-unet/artifacts',1795900208031,1795900208059,2,'active','torch','first',NULL);
INSERT INTO "logged_models" VALUES('m-ef46122d73f141259e97f83eef78137a',1,'lost','mlflow-artifacts:/tiles/models/m-ef46122d73f141259e97f83eef78137a/artifacts',1795900208275,1795900208302,1,'deleted',NULL,'first',NULL);
CREATE TABLE "metrics" (
	"key" VARCHAR(250) NOT NULL, 
	value FLOAT NOT NULL, 
	timestamp BIGINT NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	step BIGINT DEFAULT '0' NOT NULL, 
	is_nan BOOLEAN DEFAULT '0' NOT NULL, 
	CONSTRAINT metric_pk PRIMARY KEY ("key", timestamp, step, run_uuid, value, is_nan), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid), 
	CHECK (is_nan IN (0, 1))
);
INSERT INTO "metrics" VALUES('loss',1.0,1700000000000,'first',0,0);
INSERT INTO "metrics" VALUES('loss',0.5,1700000000001,'first',1,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333314829e-01,1700000000002,'first',2,0);
INSERT INTO "metrics" VALUES('loss',0.25,1700000000003,'first',3,0);
INSERT INTO "metrics" VALUES('loss',0.2,1700000000004,'first',4,0);
INSERT INTO "metrics" VALUES('loss',1.66666666666666657414e-01,1700000000005,'first',5,0);
INSERT INTO "metrics" VALUES('loss',1.42857142857142849212e-01,1700000000006,'first',6,0);
INSERT INTO "metrics" VALUES('loss',0.125,1700000000007,'first',7,0);
INSERT INTO "metrics" VALUES('loss',1.11111111111111104943e-01,1700000000008,'first',8,0);
INSERT INTO "metrics" VALUES('loss',0.1,1700000000009,'first',9,0);
INSERT INTO "metrics" VALUES('loss',9.09090909090909116141e-02,1700000000010,'first',10,0);
INSERT INTO "metrics" VALUES('loss',8.33333333333333287074e-02,1700000000011,'first',11,0);
INSERT INTO "metrics" VALUES('loss',7.6923076923076927347e-02,1700000000012,'first',12,0);
INSERT INTO "metrics" VALUES('loss',7.14285714285714246063e-02,1700000000013,'first',13,0);
INSERT INTO "metrics" VALUES('loss',6.66666666666666657414e-02,1700000000014,'first',14,0);
INSERT INTO "metrics" VALUES('loss',0.0625,1700000000015,'first',15,0);
INSERT INTO "metrics" VALUES('loss',5.8823529411764705066e-02,1700000000016,'first',16,0);
INSERT INTO "metrics" VALUES('loss',5.55555555555555524716e-02,1700000000017,'first',17,0);
INSERT INTO "metrics" VALUES('loss',5.26315789473684181309e-02,1700000000018,'first',18,0);
INSERT INTO "metrics" VALUES('loss',0.05,1700000000019,'first',19,0);
INSERT INTO "metrics" VALUES('loss',4.76190476190476164042e-02,1700000000020,'first',20,0);
INSERT INTO "metrics" VALUES('loss',4.5454545454545455807e-02,1700000000021,'first',21,0);
INSERT INTO "metrics" VALUES('loss',4.34782608695652161845e-02,1700000000022,'first',22,0);
INSERT INTO "metrics" VALUES('loss',4.16666666666666643537e-02,1700000000023,'first',23,0);
INSERT INTO "metrics" VALUES('loss',0.04,1700000000024,'first',24,0);
INSERT INTO "metrics" VALUES('loss',3.84615384615384636735e-02,1700000000025,'first',25,0);
INSERT INTO "metrics" VALUES('loss',3.7037037037037034981e-02,1700000000026,'first',26,0);
INSERT INTO "metrics" VALUES('loss',3.57142857142857123031e-02,1700000000027,'first',27,0);
INSERT INTO "metrics" VALUES('loss',3.44827586206896546938e-02,1700000000028,'first',28,0);
INSERT INTO "metrics" VALUES('loss',3.33333333333333328707e-02,1700000000029,'first',29,0);
INSERT INTO "metrics" VALUES('loss',3.22580645161290313627e-02,1700000000030,'first',30,0);
INSERT INTO "metrics" VALUES('loss',0.03125,1700000000031,'first',31,0);
INSERT INTO "metrics" VALUES('loss',3.03030303030303038713e-02,1700000000032,'first',32,0);
INSERT INTO "metrics" VALUES('loss',2.9411764705882352533e-02,1700000000033,'first',33,0);
INSERT INTO "metrics" VALUES('loss',2.85714285714285705364e-02,1700000000034,'first',34,0);
INSERT INTO "metrics" VALUES('loss',2.77777777777777762358e-02,1700000000035,'first',35,0);
INSERT INTO "metrics" VALUES('loss',2.70270270270270285273e-02,1700000000036,'first',36,0);
INSERT INTO "metrics" VALUES('loss',2.63157894736842090654e-02,1700000000037,'first',37,0);
INSERT INTO "metrics" VALUES('loss',2.5641025641025640136e-02,1700000000038,'first',38,0);
INSERT INTO "metrics" VALUES('loss',0.025,1700000000039,'first',39,0);
INSERT INTO "metrics" VALUES('loss',2.43902439024390252364e-02,1700000000040,'first',40,0);
INSERT INTO "metrics" VALUES('loss',2.38095238095238082021e-02,1700000000041,'first',41,0);
INSERT INTO "metrics" VALUES('loss',2.32558139534883717702e-02,1700000000042,'first',42,0);
INSERT INTO "metrics" VALUES('loss',2.27272727272727279035e-02,1700000000043,'first',43,0);
INSERT INTO "metrics" VALUES('loss',2.22222222222222230703e-02,1700000000044,'first',44,0);
INSERT INTO "metrics" VALUES('loss',2.17391304347826080922e-02,1700000000045,'first',45,0);
INSERT INTO "metrics" VALUES('loss',2.12765957446808505471e-02,1700000000046,'first',46,0);
INSERT INTO "metrics" VALUES('loss',2.08333333333333321768e-02,1700000000047,'first',47,0);
INSERT INTO "metrics" VALUES('loss',2.04081632653061208204e-02,1700000000048,'first',48,0);
INSERT INTO "metrics" VALUES('loss',0.02,1700000000049,'first',49,0);
INSERT INTO "metrics" VALUES('odd',0.0,1,'first',0,1);
INSERT INTO "metrics" VALUES('odd',1.79769313486231562234e+308,2,'first',1,0);
INSERT INTO "metrics" VALUES('odd',-1.79769313486231562234e+308,3,'first',2,0);
INSERT INTO "metrics" VALUES('odd',2.5,4,'first',-3,0);
INSERT INTO "metrics" VALUES('iou',0.5,1700000000000,'first',0,0);
INSERT INTO "metrics" VALUES('iou',0.6,1700000000001,'first',1,0);
INSERT INTO "metrics" VALUES('iou',0.7,1700000000002,'first',2,0);
CREATE TABLE "model_version_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value TEXT, 
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_tag_pk PRIMARY KEY (workspace, "key", name, version), 
	CONSTRAINT fk_model_version_tags_model_versions FOREIGN KEY(workspace, name, version) REFERENCES model_versions (workspace, name, version) ON UPDATE CASCADE
);
INSERT INTO "model_version_tags" VALUES('ok','yes','houses',1,'default');
CREATE TABLE "model_versions" (
	name VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	user_id VARCHAR(256), 
	current_stage VARCHAR(20), 
	source VARCHAR(500), 
	run_id VARCHAR(32), 
	status VARCHAR(20), 
	status_message VARCHAR(500), 
	run_link VARCHAR(500), 
	storage_location VARCHAR(500), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT model_version_pk PRIMARY KEY (workspace, name, version), 
	CONSTRAINT fk_model_versions_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
INSERT INTO "model_versions" VALUES('houses',1,1795900208372,1795900208372,'the first',NULL,'None','models:/m-unet','first','READY',NULL,NULL,'mlflow-artifacts:/tiles/models/m-7f78c97c004c4a0bb94105dc02f70f94/artifacts','default');
INSERT INTO "model_versions" VALUES('houses',2,1795900208396,1795900208435,NULL,NULL,'Deleted_Internal','REDACTED-SOURCE-PATH','REDACTED-RUN-ID','READY',NULL,'REDACTED-RUN-LINK','file:///elsewhere','default');
INSERT INTO "model_versions" VALUES('houses',3,1795900208464,1795900208521,NULL,NULL,'Production','runs:/first/model','first','READY',NULL,NULL,'runs:/fc0f318bafd04c59b5533a6d52e9c16a/model','default');
CREATE TABLE "params" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000) NOT NULL, 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT param_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "params" VALUES('lr','0.01','first');
INSERT INTO "params" VALUES('net.depth','34','first');
CREATE TABLE "registered_model_aliases" (
	alias VARCHAR(256) NOT NULL, 
	version INTEGER NOT NULL, 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_alias_pk PRIMARY KEY (workspace, name, alias), 
	CONSTRAINT fk_registered_model_aliases_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON DELETE CASCADE ON UPDATE CASCADE
);
INSERT INTO "registered_model_aliases" VALUES('champion',1,'houses','default');
CREATE TABLE "registered_model_tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(5000), 
	name VARCHAR(256) NOT NULL, 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_tag_pk PRIMARY KEY (workspace, "key", name), 
	CONSTRAINT fk_registered_model_tags_registered_models FOREIGN KEY(workspace, name) REFERENCES registered_models (workspace, name) ON UPDATE CASCADE
);
INSERT INTO "registered_model_tags" VALUES('team','maps','houses','default');
CREATE TABLE "registered_models" (
	name VARCHAR(256) NOT NULL, 
	creation_time BIGINT, 
	last_updated_time BIGINT, 
	description VARCHAR(5000), 
	workspace VARCHAR(63) DEFAULT 'default' NOT NULL, 
	CONSTRAINT registered_model_pk PRIMARY KEY (workspace, name)
);
INSERT INTO "registered_models" VALUES('houses',1795900208342,1795900208521,'finds houses','default');
CREATE TABLE "runs" (
	run_uuid VARCHAR(32) NOT NULL, 
	name VARCHAR(250), 
	source_type VARCHAR(20), 
	source_name VARCHAR(500), 
	entry_point_name VARCHAR(50), 
	user_id VARCHAR(256), 
	status VARCHAR(9), 
	start_time BIGINT, 
	end_time BIGINT, 
	source_version VARCHAR(50), 
	lifecycle_stage VARCHAR(20), 
	artifact_uri VARCHAR(200), 
	experiment_id INTEGER, deleted_time BIGINT, 
	CONSTRAINT run_pk PRIMARY KEY (run_uuid), 
	CONSTRAINT runs_lifecycle_stage CHECK (lifecycle_stage IN ('active', 'deleted')), 
	CONSTRAINT source_type CHECK (source_type IN ('NOTEBOOK', 'JOB', 'LOCAL', 'UNKNOWN', 'PROJECT')), 
	FOREIGN KEY(experiment_id) REFERENCES experiments (experiment_id), 
	CHECK (status IN ('SCHEDULED', 'FAILED', 'FINISHED', 'RUNNING', 'KILLED'))
);
INSERT INTO "runs" VALUES('first','first','UNKNOWN','','','unknown','FAILED',1700000000000,1700000060000,'','active','mlflow-artifacts:/tiles/first/artifacts',1,NULL);
INSERT INTO "runs" VALUES('cab9bbc4c88a44ddae4f0d5765765eb5','wise-toad-893','UNKNOWN','','','unknown','RUNNING',1700000100000,NULL,'','active','mlflow-artifacts:/tiles/cab9bbc4c88a44ddae4f0d5765765eb5/artifacts',1,NULL);
INSERT INTO "runs" VALUES('92a7fac4d17e4ae08f625bb9c55d07fd','gone','UNKNOWN','','','unknown','RUNNING',1700000200000,NULL,'','deleted','mlflow-artifacts:/tiles/92a7fac4d17e4ae08f625bb9c55d07fd/artifacts',1,1795900208570);
CREATE TABLE "tags" (
	"key" VARCHAR(250) NOT NULL, 
	value VARCHAR(8000), 
	run_uuid VARCHAR(32) NOT NULL, 
	CONSTRAINT tag_pk PRIMARY KEY ("key", run_uuid), 
	FOREIGN KEY(run_uuid) REFERENCES runs (run_uuid)
);
INSERT INTO "tags" VALUES('kind','größe','first');
INSERT INTO "tags" VALUES('mlflow.runName','first','first');
INSERT INTO "tags" VALUES('mlflow.runName','wise-toad-893','cab9bbc4c88a44ddae4f0d5765765eb5');
INSERT INTO "tags" VALUES('mlflow.runName','gone','92a7fac4d17e4ae08f625bb9c55d07fd');
